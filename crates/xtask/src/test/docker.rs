//! The stage `docker`: the image and the compose file on an engine, without pulling anything.
//!
//! The image is what docker/Dockerfile says behind its last `FROM`, over nothing: the binary was built here, and the
//! few programs that its scripts need come from this machine, with their libraries.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use super::{Outcome, Places, cargo};

const IMAGE: &str = "redstart:test";
const PROJECT: &str = "redstart-test";

/// What the entry point, and health checks of the kind CMD-SHELL, need.
const PROGRAMS: [&str; 2] = ["/bin/sh", "/bin/grep"];

/// How long the nodes may take to be healthy.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) fn run(places: &Places) -> Outcome {
    output("docker", &["info"]).map_err(|error| format!("no Docker engine answers: {error}"))?;
    cargo(places, &["build", "--release", "--bin", "redstart"])?;
    let target = places.tools.parent().unwrap_or(&places.tools);
    let context = target.join("docker");
    lay_out(places, &target.join("release/redstart"), &context)?;
    let context = context.display().to_string();
    output("docker", &["build", "--tag", IMAGE, &context])?;
    let compose = format!("{context}/docker-compose.yml");
    let outcome = cluster(&compose);
    let down = output("docker", &compose_words(&compose, &["down", "--volumes"]));
    outcome.and(down.map(|_| ()))
}

fn compose_words<'a>(file: &'a str, words: &[&'a str]) -> Vec<&'a str> {
    [&["compose", "--project-name", PROJECT, "--file", file], words].concat()
}

/// The cluster is formed, and every node is healthy by its own health check.
fn cluster(file: &str) -> Outcome {
    let compose = |words: &[&str]| output("docker", &compose_words(file, words));
    compose(&["up", "--detach", "--no-build", "--pull", "never"])?;
    let one_shot = compose(&["ps", "--all", "--quiet", "cluster"])?;
    let code = output("docker", &["wait", one_shot.trim()])?;
    if code.trim() != "0" {
        let log = compose(&["logs", "cluster"])?;
        return Err(format!(
            "the service that forms the cluster ended with {}:\n{log}",
            code.trim()
        ));
    }
    for number in 1..=6 {
        let node = compose(&["ps", "--quiet", &format!("node-{number}")])?;
        await_health(node.trim())?;
    }
    let told =
        compose(&["exec", "-T", "node-1", "redis-cli", "-c", "-p", "7000", "set", "k", "v"])?;
    if told != "OK\n" {
        return Err(format!("SET in the cluster: {told}"));
    }
    Ok(())
}

fn await_health(container: &str) -> Outcome {
    let begin = Instant::now();
    loop {
        let status =
            output("docker", &["inspect", "--format", "{{.State.Health.Status}}", container])?;
        if status.trim() == "healthy" {
            return Ok(());
        }
        if begin.elapsed() > PATIENCE {
            return Err(format!("{container} is {} after {} s", status.trim(), PATIENCE.as_secs()));
        }
        thread::sleep(Duration::from_millis(500));
    }
}

/// Makes the folder that the image is built from.
fn lay_out(places: &Places, binary: &Path, context: &Path) -> Outcome {
    let failed = |error: std::io::Error| format!("{}: {error}", context.display());
    let root = context.join("rootfs");
    if context.exists() {
        fs::remove_dir_all(context).map_err(failed)?;
    }
    fs::create_dir_all(&root).map_err(failed)?;
    let docker = places.root.join("docker");
    let script = docker.join("layout.sh");
    let entrypoint = docker.join("entrypoint.sh");
    let words = [&script, binary, &entrypoint, &root].map(|path| path.display().to_string());
    output("sh", &words.each_ref().map(String::as_str))?;
    for program in PROGRAMS {
        copy_into(&root, Path::new(program)).map_err(failed)?;
    }
    for file in PROGRAMS.iter().map(PathBuf::from).chain([binary.to_path_buf()]) {
        let listed = output("ldd", &[&file.display().to_string()])?;
        for library in libraries(&listed) {
            copy_into(&root, Path::new(library)).map_err(failed)?;
        }
    }
    let dockerfile = fs::read_to_string(docker.join("Dockerfile")).map_err(failed)?;
    fs::write(context.join("Dockerfile"), over_nothing(&dockerfile)?).map_err(failed)?;
    let compose = fs::read_to_string(docker.join("docker-compose.yml")).map_err(failed)?;
    fs::write(context.join("docker-compose.yml"), with_image(&compose)).map_err(failed)
}

/// The same place below another root, whatever links lead to it here.
fn copy_into(root: &Path, file: &Path) -> std::io::Result<()> {
    let place = root.join(file.strip_prefix("/").unwrap_or(file));
    if let Some(folder) = place.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::copy(file, place).map(|_| ())
}

/// The files in what ldd prints.
fn libraries(listed: &str) -> Vec<&str> {
    listed
        .split_whitespace()
        .filter(|word| word.starts_with('/'))
        .map(|word| word.trim_end_matches(':'))
        .collect()
}

/// The last stage, over nothing, with what lies in the folder.
fn over_nothing(dockerfile: &str) -> Result<String, String> {
    let (_, last) =
        dockerfile.rsplit_once("\nFROM ").ok_or("docker/Dockerfile has no last stage")?;
    let (_, lines) = last.split_once('\n').ok_or("docker/Dockerfile ends with FROM")?;
    let copy = "COPY --from=build /rootfs/ /";
    if !lines.contains(copy) {
        return Err(format!("docker/Dockerfile has no line `{copy}`"));
    }
    Ok(format!("FROM scratch\n{}", lines.replace(copy, "COPY rootfs/ /")))
}

/// The compose file with the image that was built here.
fn with_image(compose: &str) -> String {
    let build = "    build:\n      context: ..\n      dockerfile: docker/Dockerfile\n";
    compose.replace(build, "").replace("image: redstart\n", &format!("image: {IMAGE}\n"))
}

fn output(program: &str, arguments: &[&str]) -> Result<String, String> {
    let shown = format!("{program} {}", arguments.join(" "));
    let output = Command::new(program)
        .args(arguments)
        .output()
        .map_err(|error| format!("{shown}: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(format!("{shown}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str) -> String {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        fs::read_to_string(root.join("docker").join(name)).unwrap()
    }

    #[test]
    fn the_image_is_the_last_stage_over_nothing() {
        let text = over_nothing(&file("Dockerfile")).unwrap();
        assert!(text.starts_with("FROM scratch\nCOPY rootfs/ /\n"), "{text}");
        for line in [
            "USER 999:999",
            "VOLUME /data",
            "ENTRYPOINT [\"entrypoint.sh\"]",
            "CMD [\"redstart\", \"healthcheck\"]",
        ] {
            assert!(text.contains(line), "no {line}:\n{text}");
        }
        assert!(!text.contains("--from="), "{text}");
        assert!(over_nothing("FROM scratch\n").is_err());
    }

    #[test]
    fn nothing_is_built_or_pulled_for_the_compose_file() {
        let text = with_image(&file("docker-compose.yml"));
        assert!(!text.contains("build:"), "{text}");
        assert_eq!(text.matches("image: redstart:test\n").count(), 7, "{text}");
    }

    #[test]
    fn libraries_are_those_with_a_path() {
        let listed =
            "\tlinux-vdso.so.1 (0x1)\n\tlibc.so.6 => /lib/libc.so.6 (0x2)\n\t/lib64/ld.so (0x3)\n";
        assert_eq!(libraries(listed), ["/lib/libc.so.6", "/lib64/ld.so"]);
    }
}
