//! HAProxy with a port for writes and a port for reads, which go to whoever has the role.

use std::collections::BTreeSet;
use std::fs;

use testkit::wait::PATIENCE;
use testkit::{Daemon, Program, Reply};

use super::application::{Application, Way, now_ms};
use super::deployment::{APPLICATION, Deployment, PROXY, SERVERS, Variant, eventually};
use super::member::{NO_FOLDER, example};
use super::network::Host;
use super::sentinel::{assert_kept, returns_as_replica};

const WRITES: &str = "6379";
const READS: &str = "6380";

fn start_proxy(deployment: &Deployment) -> Daemon {
    let folder = deployment.folder.path();
    let config = folder.join("haproxy.cfg");
    let text = example("haproxy.cfg", deployment.variant.proxy_lines(), NO_FOLDER);
    fs::write(&config, text).expect("the folder is ours");
    let arguments = ["-db", "-f", &config.display().to_string()].map(str::to_owned);
    let (program, log) = (Program::tool("haproxy"), folder.join("haproxy.log"));
    deployment.network.start(PROXY, &program, &arguments, folder, &log)
}

/// Who answers at a port: roles and run ids of ten connections. None while some are not answered.
fn visited(deployment: &Deployment, port: &str) -> Option<BTreeSet<(String, String)>> {
    let folder = deployment.folder.path();
    let script = crate::root().join("tests/high_availability/visitors.py");
    let (script, host) = (script.display().to_string(), PROXY.address());
    let arguments = ["-B", &script, &host, port, "10", deployment.password()];
    let log = folder.join("visitors.log");
    let _ = fs::remove_file(&log);
    let arguments = arguments.map(str::to_owned);
    let mut script =
        deployment.network.start(APPLICATION, &Program::python(), &arguments, folder, &log);
    let status = script.await_exit(PATIENCE)?;
    let pair = |line: &str| line.split_once(' ').map(|(role, id)| (role.to_owned(), id.to_owned()));
    status.success().then(|| script.log().lines().filter_map(pair).collect())
}

/// Waits until a port leads to these hosts, and to no others.
fn await_visited(deployment: &Deployment, port: &str, role: &str, hosts: &[Host]) {
    let id = |host: &Host| (role.to_owned(), deployment.server(*host).info("run_id"));
    let wanted: BTreeSet<_> = hosts.iter().map(id).collect();
    let mut seen = None;
    let is_so = eventually(|| {
        seen = visited(deployment, port);
        seen.as_ref() == Some(&wanted)
    });
    assert!(is_so, "port {port} leads to {seen:?} instead of {wanted:?}");
}

fn others(primary: Host) -> Vec<Host> {
    SERVERS.into_iter().filter(|host| *host != primary).collect()
}

/// By redis-py, and by Django's cache.
fn applications(deployment: &Deployment) -> [Application; 2] {
    [(Way::Haproxy, "redis-py"), (Way::Django, "django")]
        .map(|(way, name)| deployment.application(APPLICATION, way, name))
}

#[test]
fn both_ports_follow_the_roles_while_the_primary_dies_and_returns() {
    let program = crate::program();
    let mut deployment = Deployment::watched([&program; 3], Variant::Plain);
    let _proxy = start_proxy(&deployment);
    let old = SERVERS[0];
    await_visited(&deployment, WRITES, "master", &[old]);
    await_visited(&deployment, READS, "slave", &others(old));
    let mut applications = applications(&deployment);
    applications.iter_mut().for_each(|application| application.await_progress(0));

    let end_ms = now_ms();
    deployment.server_mut(old).kill();
    let new = deployment.await_failover(old, &SERVERS);
    applications.iter_mut().for_each(|application| application.await_progress(now_ms()));
    await_visited(&deployment, WRITES, "master", &[new]);
    let left: Vec<Host> = others(new).into_iter().filter(|host| *host != old).collect();
    await_visited(&deployment, READS, "slave", &left);

    let returned_ms = now_ms();
    deployment.restart(old);
    returns_as_replica(&deployment, old, new);
    await_visited(&deployment, WRITES, "master", &[new]);
    await_visited(&deployment, READS, "slave", &others(new));
    applications.iter_mut().for_each(|application| application.await_progress(now_ms()));
    applications.iter_mut().for_each(Application::stop);
    for application in &applications {
        assert_kept(application, &deployment, new, end_ms);
        // It says `role:master` for a while, and nobody is sent to it.
        assert_eq!(application.failures_since(returned_ms), [""; 0], "since the return");
    }
}

/// One failover after the other by the servers' own command, without Sentinel.
#[test]
fn a_planned_failover_loses_nothing() {
    let program = crate::program();
    let deployment = Deployment::replicated([&program; 3], Variant::Password);
    let _proxy = start_proxy(&deployment);
    await_visited(&deployment, WRITES, "master", &[SERVERS[0]]);
    await_visited(&deployment, READS, "slave", &others(SERVERS[0]));
    let mut applications = applications(&deployment);
    for (old, new) in [(SERVERS[0], SERVERS[1]), (SERVERS[1], SERVERS[2])] {
        applications.iter_mut().for_each(|application| application.await_progress(now_ms()));
        let order = format!("FAILOVER TO {} 6379 TIMEOUT 10000", new.address());
        assert_eq!(deployment.server(old).ask(&order), Reply::ok());
        let is_over =
            || deployment.server(new).role() == "master" && deployment.server(old).follows(new);
        assert!(eventually(is_over), "{}", deployment.server(old).info("master_failover_state"));
        // The third follows its primary, which is a replica now.
        let third = SERVERS.into_iter().find(|host| *host != old && *host != new);
        let third = third.expect("there are three");
        let order = format!("REPLICAOF {} 6379", new.address());
        assert_eq!(deployment.server(third).ask(&order), Reply::ok());
        deployment.await_replicas(new);
        await_visited(&deployment, WRITES, "master", &[new]);
        await_visited(&deployment, READS, "slave", &others(new));
    }
    applications.iter_mut().for_each(|application| application.await_progress(now_ms()));
    let last = SERVERS[2];
    applications.iter_mut().for_each(Application::stop);
    for application in &applications {
        let missing = application.missing(&mut deployment.server(last).client());
        assert!(missing.is_empty(), "{missing:?}");
    }
    deployment.assert_equal_contents();
}
