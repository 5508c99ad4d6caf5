//! The command line.

mod demo;

use std::process::ExitCode;
use std::time::Duration;

/// Chosen by measurement: docs/decisions/0006-allocator.md.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    demo::bind_to_parent();
    if std::env::args().nth(1).is_some_and(|first| first == "demo") {
        let program = clap::Command::new("redstart").subcommand(demo::command());
        return match program.get_matches().subcommand() {
            Some((_, arguments)) => demo::run(arguments),
            None => ExitCode::FAILURE,
        };
    }
    tracing_subscriber::fmt().init();
    let mut port = 6379;
    let mut workers = 0;
    let mut is_cluster = false;
    let mut dir = ".".to_owned();
    let mut timeout = 15000;
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let value = args.next().unwrap_or_default();
        match arg.as_str() {
            "--port" => port = value.parse().unwrap_or(6379),
            "--worker-threads" => workers = value.parse().unwrap_or(0),
            "--cluster-enabled" => is_cluster = value == "yes",
            "--dir" => dir = value,
            "--cluster-node-timeout" => timeout = value.parse().unwrap_or(15000),
            _ => {}
        }
    }
    let cluster = is_cluster.then(|| {
        let mut config = cluster::Config::for_port(port);
        config.node_timeout = Duration::from_millis(timeout);
        server::ClusterOptions {
            file: std::path::Path::new(&dir).join("nodes.conf"),
            port: port + 10000,
            config,
        }
    });
    let options = server::Options {
        bind: vec!["127.0.0.1".to_owned()],
        port,
        unix_socket: None,
        unix_socket_mode: 0,
        backlog: 511,
        keepalive: Duration::from_secs(300),
        clients_max: 10_000,
        workers,
        databases: if cluster.is_some() { 1 } else { 16 },
        cluster,
    };
    match server::run(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}
