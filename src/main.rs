//! The command line.

use std::process::ExitCode;
use std::time::Duration;

fn main() -> ExitCode {
    tracing_subscriber::fmt().init();
    let mut port = 6379;
    let mut workers = 0;
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let value = args.next().unwrap_or_default();
        match arg.as_str() {
            "--port" => port = value.parse().unwrap_or(6379),
            "--worker-threads" => workers = value.parse().unwrap_or(0),
            _ => {}
        }
    }
    let options = server::Options {
        bind: vec!["127.0.0.1".to_owned()],
        port,
        unix_socket: None,
        unix_socket_mode: 0,
        backlog: 511,
        keepalive: Duration::from_secs(300),
        clients_max: 10_000,
        workers,
        databases: 16,
    };
    match server::run(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}
