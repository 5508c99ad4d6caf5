//! What a server is started with, and what it cannot be started with yet.

use config::{Config, Effect, LoadError, Loaded, directives};
use std::path::PathBuf;

/// What a server is started with.
#[derive(Clone, Debug)]
pub struct Launch {
    /// All settings.
    pub config: Config,
    /// The absolute path of the file that CONFIG REWRITE writes, if there is one.
    pub config_file: Option<PathBuf>,
}

impl Launch {
    /// The launch that a configuration asks for.
    ///
    /// # Errors
    ///
    /// For what would be unsafe to leave out: access control, TLS.
    pub fn new(loaded: Loaded, config_file: Option<PathBuf>) -> Result<Launch, LoadError> {
        if let Some(user) = loaded.users.first() {
            let reason =
                "users are not supported yet: the default user's password (requirepass) is";
            return Err(LoadError::refused(&user.place, reason));
        }
        if let Some(renamed) = loaded.renamed_commands.first() {
            return Err(LoadError::refused(&renamed.place, "rename-command is not supported yet"));
        }
        let config = loaded.config;
        let refused = [
            (
                !config.security.aclfile.is_empty(),
                "aclfile is not supported yet: remove it, or use requirepass",
            ),
            (
                config.tls.port != 0,
                "tls-port is not supported yet: put a TLS proxy in front, and remove tls-port",
            ),
        ];
        if let Some((_, reason)) = refused.into_iter().find(|(is_set, _)| *is_set) {
            return Err(LoadError::Whole(reason));
        }
        Ok(Launch { config, config_file })
    }

    /// The names of the directives that were given another value than their default and do nothing yet.
    pub(crate) fn without_effect(&self) -> Vec<&'static str> {
        let default = Config::default();
        directives()
            .filter(|directive| directive.effect == Effect::None)
            .filter(|directive| self.config.text(directive) != default.text(directive))
            .map(|directive| directive.name)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use config::{FileSource, Start, load};

    struct NoFiles;

    impl FileSource for NoFiles {
        fn read(&mut self, _: &[u8]) -> Result<Vec<u8>, String> {
            Err("there are none".to_owned())
        }

        fn names(&mut self, _: &[u8]) -> Vec<Vec<u8>> {
            Vec::new()
        }
    }

    fn launch(options: &str) -> Result<Launch, LoadError> {
        let start = Start { options: options.as_bytes().to_vec(), ..Start::default() };
        Launch::new(load(&start, None, &mut NoFiles)?, None)
    }

    #[test]
    fn what_would_be_unsafe_to_leave_out_is_refused() {
        for line in
            ["user a on nopass", "rename-command FLUSHALL \"\"", "aclfile a", "tls-port 6380"]
        {
            let error = launch(line).expect_err(line).to_string();
            assert!(error.contains("not supported yet"), "{line}: {error}");
        }
    }

    #[test]
    fn directives_without_effect_are_named_when_they_are_set() {
        let launch =
            launch("crash-log-enabled no\nport 7\nsave 3600 1 300 100 60 10000").expect("fine");
        assert_eq!(launch.without_effect(), ["crash-log-enabled"]);
    }
}
