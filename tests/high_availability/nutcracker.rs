//! twemproxy in front of two servers, each with its share of the keys.

use std::fs;

use testkit::wait::PATIENCE;
use testkit::{Folder, Program, Reply};

use super::deployment::{APPLICATION, PROXY, eventually};
use super::member::{Member, NO_FOLDER, example};
use super::network::{Host, Network};

const SHARDS: [Host; 2] = [Host(1), Host(2)];
const KEYS: usize = 500;

/// How many keys the script can read.
fn readable(network: &Network, folder: &Folder, step: &str) -> usize {
    let script = crate::root().join("tests/high_availability/nutcracker.py");
    let arguments = ["-B", &script.display().to_string(), step, &PROXY.address()];
    let log = folder.path().join(format!("{step}.log"));
    let _ = fs::remove_file(&log);
    let arguments = arguments.map(str::to_owned);
    let mut script =
        network.start(APPLICATION, &Program::python(), &arguments, folder.path(), &log);
    let status = script.await_exit(PATIENCE).expect("it ends");
    assert!(status.success(), "{}", script.log());
    script.log().trim().parse().expect("a number")
}

#[test]
fn keys_are_divided_and_come_back_with_their_server() {
    let program = crate::program();
    let network = Network::new(&[SHARDS.as_slice(), &[PROXY, APPLICATION]].concat());
    let folder = Folder::new();
    let mut servers = SHARDS.map(|host| {
        let place = folder.path().join(format!("server{}", host.0));
        let folder = ("/var/lib/redstart", &*place.display().to_string());
        let config = example("shard.conf", &[], folder);
        Member::start(&network, host, &program.path, &config, place)
    });
    let config = folder.path().join("nutcracker.yml");
    fs::write(&config, example("nutcracker.yml", &[], NO_FOLDER)).expect("the folder is ours");
    let arguments = ["-c", &config.display().to_string()].map(str::to_owned);
    let log = folder.path().join("nutcracker.log");
    let nutcracker = Program::tool("nutcracker");
    let _proxy = network.start(PROXY, &nutcracker, &arguments, folder.path(), &log);

    assert_eq!(readable(&network, &folder, "fill"), KEYS);
    let sizes: Vec<i64> = servers.iter().map(size).collect();
    assert!(sizes.iter().all(|size| *size > 50), "the keys are divided: {sizes:?}");

    servers[0].kill();
    let others = usize::try_from(sizes[1]).expect("a count");
    let left = readable(&network, &folder, "half");
    // The list and the hash are on one of the two.
    assert!(left == others || left + 2 == others, "{left} of {sizes:?} are readable");

    servers[0].restart(&network);
    let is_whole = eventually(|| readable(&network, &folder, "whole") == KEYS);
    assert!(is_whole, "{sizes:?}");
    assert_eq!(servers.iter().map(size).collect::<Vec<_>>(), sizes, "nothing was lost");
}

fn size(server: &Member) -> i64 {
    let Reply::Integer(size) = server.ask("DBSIZE") else { panic!("a number") };
    size
}
