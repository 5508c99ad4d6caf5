//! What packets of the cluster bus are sealed with, read from the file that `cluster-secret` names.
//!
//! Neither the secret nor the file's name is told to anybody from here: who has put the secret itself where the name belongs
//! must not find it in a log.

use crate::entropy::{self, NoEntropy};
use crate::files;
use cluster::seal::{BusAuth, BusAuthMode, Secret, SecretError};
use config::Config;
use std::fs::{self, File};
use std::io::{self, Read};

/// The most that is read of the file, in bytes.
const FILE_BYTES_MAX: u64 = 4096;

/// Why packets cannot be sealed as the settings want it.
#[derive(Debug, thiserror::Error)]
pub enum BusAuthError {
    /// There is no file.
    #[error("cluster-bus-auth needs cluster-secret, which names a file with the cluster's secret")]
    NoFile,
    /// It cannot be read.
    #[error("cluster-secret: the file that it names cannot be read: {}", files::reason(.0))]
    File(#[from] io::Error),
    /// It is something else.
    #[error("cluster-secret: what it names is no file of at most {FILE_BYTES_MAX} bytes")]
    NotAFile,
    /// It does not hold what it should.
    #[error("cluster-secret: the file that it names cannot be used: {0}")]
    Secret(#[from] SecretError),
    /// The system has no entropy.
    #[error("No entropy: {0}")]
    Entropy(#[from] NoEntropy),
}

impl BusAuthError {
    /// The directive that has to be changed.
    pub(crate) fn directive(&self) -> &'static str {
        match self {
            BusAuthError::NoFile | BusAuthError::Entropy(_) => "cluster-bus-auth",
            BusAuthError::File(_) | BusAuthError::NotAFile | BusAuthError::Secret(_) => {
                "cluster-secret"
            }
        }
    }
}

/// What the settings say. The file has to be right also where nothing is sealed: so no secret stands in the place of its name.
pub(crate) fn bus_auth(config: &Config) -> Result<BusAuth, BusAuthError> {
    let mode = match config.cluster.bus_auth {
        config::BusAuthMode::Off => BusAuthMode::Off,
        config::BusAuthMode::Optional => BusAuthMode::Optional,
        config::BusAuthMode::Required => BusAuthMode::Required,
    };
    let secrets = match config.cluster.secret.as_slice() {
        b"" if mode == BusAuthMode::Off => return Ok(BusAuth::default()),
        b"" => return Err(BusAuthError::NoFile),
        path => Secret::of_lines(&read(path)?)?,
    };
    if mode == BusAuthMode::Off {
        return Ok(BusAuth::default());
    }
    Ok(BusAuth { mode, secrets, nonce_key: Secret::new(&entropy::bytes()?) })
}

fn read(path: &[u8]) -> Result<Vec<u8>, BusAuthError> {
    let path = files::path(path);
    // A pipe would be waited for.
    let about = fs::metadata(path)?;
    if !about.is_file() || about.len() > FILE_BYTES_MAX {
        return Err(BusAuthError::NotAFile);
    }
    let mut text = Vec::new();
    File::open(path)?.take(FILE_BYTES_MAX).read_to_end(&mut text)?;
    Ok(text)
}
