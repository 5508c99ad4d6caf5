//! Configuration: any text is read or refused, and what was read survives being written.

use config::{Added, Config, FileSource, Invocation, Loaded, Start, directives, load, rewrite};

use super::Source;

/// How long a file of the fuzzer's may be; files include each other.
const FILE_BYTES_MAX: usize = 4096;

/// Any text is read as a file, as the standard input, or as a command line, or refused with a message. What
/// was read means the same after CONFIG REWRITE, and CONFIG SET to what CONFIG GET shows changes nothing.
pub fn config_parser(bytes: &[u8]) {
    let (&control, rest) = bytes.split_first().unwrap_or((&0, &[]));
    let text = Source(rest).bytes(FILE_BYTES_MAX);
    match control % 4 {
        0 => {
            let arguments: Vec<Vec<u8>> =
                text.split(|&byte| byte == 0).map(<[u8]>::to_vec).collect();
            if let Ok(Invocation::Start(start)) = Invocation::parse(&arguments) {
                let _ = read(&start, None, text);
            }
        }
        1 => {
            let _ = read(&Start::default(), Some(text), text);
        }
        _ => {
            let start = Start { file: Some(b"0".to_vec()), ..Start::default() };
            if let Some(loaded) = read(&start, None, text) {
                match control % 4 {
                    2 => check_set(&loaded.config),
                    _ => check_rewrite(&start, text, &loaded.config),
                }
            }
        }
    }
}

/// What lines are made of.
pub(super) fn words() -> Vec<Vec<u8>> {
    let names = directives().flat_map(config::Directive::names).map(|name| format!("{name} "));
    let values = [
        "yes",
        "no",
        "0",
        "1",
        "-1",
        "100mb",
        "1gb",
        "\"\"",
        "\"",
        "'",
        "\n",
        "\n",
        "\r\n",
        " ",
        "3600 1",
        "normal 0 0 0",
        "slave 1mb 2mb 60",
        "include ",
        "*",
        "#",
        "allkeys-lru",
        "KEA",
        "user default on",
        "rename-command a b",
        "50%",
        "127.0.0.1",
        "9223372036854775808",
    ];
    names.chain(values.map(str::to_owned)).map(String::into_bytes).collect()
}

/// Files with the names 0 to 9: the fuzzer's text, from a tenth of it to the next on.
struct Files<'a>(&'a [u8]);

impl FileSource for Files<'_> {
    fn read(&mut self, path: &[u8]) -> Result<Vec<u8>, String> {
        let [digit @ b'0'..=b'9'] = path else { return Err("No such file".to_owned()) };
        let skipped = self.0.len() * usize::from(digit - b'0') / 10;
        Ok(self.0.get(skipped..).unwrap_or_default().to_vec())
    }

    fn names(&mut self, folder: &[u8]) -> Vec<Vec<u8>> {
        if folder == b"." { (b'0'..=b'9').map(|digit| vec![digit]).collect() } else { Vec::new() }
    }
}

fn read(start: &Start, stdin: Option<&[u8]>, text: &[u8]) -> Option<Loaded> {
    match load(start, stdin, &mut Files(text)) {
        Ok(loaded) => Some(loaded),
        Err(error) => {
            assert!(!error.to_string().is_empty());
            None
        }
    }
}

fn check_set(config: &Config) {
    for (name, value) in config.matching(&[b"*"]) {
        let (shown, text) = (name.escape_ascii(), value.escape_ascii());
        if let Ok(change) = config.with(&[&name, &value], true) {
            assert!(change.config == *config, "CONFIG SET {shown} {text} changes something");
        }
    }
}

fn check_rewrite(start: &Start, text: &[u8], config: &Config) {
    // What stands in included files stays there, and may come again after what is added here.
    if text.to_ascii_lowercase().windows(7).any(|window| window == b"include") {
        return;
    }
    let written = rewrite(text, config, Added::Changed, &[]);
    let shown = written.escape_ascii();
    let again = load(start, None, &mut Files(&written))
        .unwrap_or_else(|error| panic!("the rewritten file is refused: {error}\n{shown}"));
    assert!(again.config == *config, "the rewritten file means something else:\n{shown}");
}
