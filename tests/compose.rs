//! What docker/docker-compose.yml says, without Docker: the same command lines, health checks and one-shot service,
//! on free ports. Names of services become addresses, the volume /data a folder.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use testkit::{Client, Daemon, Folder, Kind, Port, Program, Reply, wait};

/// How long nodes may take to be healthy, and to form the cluster.
const PATIENCE: Duration = Duration::from_secs(90);

/// A service, as the file has it.
#[derive(Debug)]
struct Service {
    name: String,
    image: String,
    command: Vec<String>,
    /// The words behind `CMD`.
    health: Vec<String>,
    ports: Vec<String>,
    volumes: Vec<String>,
}

/// The services of a compose file: as much of YAML as ours and those of the field need.
fn services(text: &str) -> Vec<Service> {
    let mut services: Vec<Service> = Vec::new();
    let mut section = String::new();
    let mut key = String::new();
    for line in text.lines().filter(|line| !line.trim_start().starts_with('#')) {
        let indent = line.len() - line.trim_start().len();
        let line = line.trim();
        if line.is_empty() {
            continue;
        }
        if indent == 0 {
            section = line.trim_end_matches(':').to_owned();
            continue;
        }
        if section != "services" {
            continue;
        }
        if indent == 2 {
            services.push(Service {
                name: line.trim_end_matches(':').to_owned(),
                image: String::new(),
                command: Vec::new(),
                health: Vec::new(),
                ports: Vec::new(),
                volumes: Vec::new(),
            });
            continue;
        }
        let service = services.last_mut().expect("a service stands above its keys");
        let (name, value) = line.split_once(": ").unwrap_or((line.trim_end_matches(':'), ""));
        if indent == 4 {
            key = name.to_owned();
        }
        let unquoted = |text: &str| text.trim().trim_matches('"').to_owned();
        match (key.as_str(), name) {
            ("image", _) => service.image = unquoted(value),
            ("command", _) => service.command = value.split(' ').map(str::to_owned).collect(),
            ("healthcheck", "test") => {
                let words = value.trim_matches(['[', ']']).split(',').map(unquoted);
                service.health = words.skip_while(|word| word == "CMD").collect();
            }
            ("ports", item) if item.starts_with('-') => service.ports.push(unquoted(&line[1..])),
            ("volumes", item) if item.starts_with('-') => {
                service.volumes.push(unquoted(&line[1..]))
            }
            _ => {}
        }
    }
    services
}

/// What stands for the image: the programs under the names that it has, made by the script that makes them there.
struct Image {
    root: Folder,
}

impl Image {
    /// With this server under the names of servers.
    fn new(server: &Program) -> Image {
        let root = Folder::new();
        let entrypoint = crate::root().join("docker/entrypoint.sh");
        let status = Command::new("sh")
            .arg(crate::root().join("docker/layout.sh"))
            .args([&crate::program().path, &entrypoint])
            .arg(root.path())
            .status();
        assert!(status.is_ok_and(|status| status.success()), "layout.sh lays the image out");
        let image = Image { root };
        if server.kind != Kind::Redstart {
            let name = image.bin().join("redis-server");
            fs::remove_file(&name).expect("it was laid out");
            std::os::unix::fs::symlink(&server.path, name).expect("the test's own folder");
        }
        image
    }

    fn bin(&self) -> PathBuf {
        self.root.path().join("usr/local/bin")
    }

    /// A command as the container would run it.
    fn arguments(&self, words: &[String]) -> Vec<String> {
        let path = format!("PATH={}:/usr/bin:/bin", self.bin().display());
        let entrypoint = self.bin().join("entrypoint.sh").display().to_string();
        [path, entrypoint].into_iter().chain(words.iter().cloned()).collect()
    }

    fn run(&self, words: &[String]) -> testkit::Finished {
        let arguments = self.arguments(words);
        let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
        testkit::run(&Program::tool("env"), &words, b"", PATIENCE)
    }
}

/// The services that run, on ports that are free.
struct Deployment {
    image: Image,
    services: Vec<Service>,
    ports: Vec<Port>,
    folders: Vec<Folder>,
    daemons: Vec<Daemon>,
}

impl Deployment {
    fn new(text: &str, server: &Program) -> Deployment {
        let services = services(text);
        let count = services.iter().filter(|service| !service.ports.is_empty()).count();
        let ports = (0..count).map(|_| Port::free()).collect();
        Deployment {
            image: Image::new(server),
            services,
            ports,
            folders: Vec::new(),
            daemons: Vec::new(),
        }
    }

    /// Those that serve: they have a port of the host.
    fn nodes(&self) -> Vec<&Service> {
        self.services.iter().filter(|service| !service.ports.is_empty()).collect()
    }

    /// A word as it is here: the ports are free ones, and the names of services this machine.
    fn here(&self, word: &str) -> String {
        let mut word = word.to_owned();
        for (service, port) in self.nodes().iter().zip(&self.ports) {
            let (_, inside) = service.ports[0].split_once(':').expect("HOST:CONTAINER");
            let is_port = word == inside || word.ends_with(&format!(":{inside}"));
            if is_port {
                word = word.replace(inside, &port.number().to_string());
                return word.replace(&format!("{}:", service.name), "127.0.0.1:");
            }
        }
        word
    }

    fn words(&self, words: &[String]) -> Vec<String> {
        words.iter().map(|word| self.here(word)).collect()
    }

    /// Starts the nodes, in the folders that they had.
    fn start(&mut self) {
        while self.folders.len() < self.ports.len() {
            self.folders.push(Folder::new());
        }
        let started = self.nodes().into_iter().zip(&self.folders).map(|(service, folder)| {
            let mut words = self.words(&service.command);
            // Other tests run on this machine, too.
            words.extend(["--bind".to_owned(), "127.0.0.1".to_owned()]);
            let arguments = self.image.arguments(&words);
            let log = folder.path().join("log");
            Daemon::start(&Program::tool("env"), &arguments, folder.path(), &log)
        });
        self.daemons = started.collect();
    }

    fn await_health(&self) {
        for service in self.nodes() {
            let words = self.words(&service.health);
            let is_healthy =
                || self.image.run(&words).status.is_some_and(|status| status.success());
            assert!(wait::until(PATIENCE, is_healthy), "{} is healthy", service.name);
        }
    }

    fn one_shot(&self) -> &Service {
        let is_one_shot = |service: &&Service| service.ports.is_empty();
        self.services.iter().find(is_one_shot).expect("the service that forms the cluster")
    }

    fn client(&self, number: usize) -> Client {
        Client::connect(self.ports[number].number()).expect("the node is healthy")
    }
}

fn ours() -> String {
    let file = crate::root().join("docker/docker-compose.yml");
    fs::read_to_string(file).expect("the compose file")
}

/// The same as people write it for the image of Redis, but for the name of the image.
fn of_redis() -> String {
    let text = ours();
    let lines = text.lines().map(|line| {
        if line.trim_start().starts_with("test: ") {
            line.replace(r#""redstart", "healthcheck""#, r#""redis-cli""#)
                .replace(r#""]"#, r#"", "ping"]"#)
        } else {
            line.replace("redstart cluster create", "redis-cli --cluster create")
                .replace("--replicas 1 --yes", "--cluster-replicas 1 --cluster-yes")
        }
    });
    lines.map(|line| line + "\n").collect()
}

/// Whether every node sees three primaries, and a replica of each.
fn assert_three_and_three(deployment: &Deployment) {
    for number in 0..6 {
        let text =
            deployment.client(number).command(&["CLUSTER", "NODES"]).text().unwrap_or_default();
        let primaries: Vec<&str> = text
            .lines()
            .filter(|line| line.contains("master"))
            .filter_map(|line| line.split(' ').next())
            .collect();
        assert_eq!(primaries.len(), 3, "{text}");
        for primary in primaries {
            let follows =
                |line: &&str| line.contains("slave") && line.split(' ').nth(3) == Some(primary);
            assert_eq!(text.lines().filter(follows).count(), 1, "{text}");
        }
        let info =
            deployment.client(number).command(&["CLUSTER", "INFO"]).text().unwrap_or_default();
        assert!(info.contains("cluster_state:ok"), "{info}");
    }
}

fn forms_a_cluster(text: &str, server: &Program) {
    let mut deployment = Deployment::new(text, server);
    deployment.start();
    deployment.await_health();
    let command = deployment.words(&deployment.one_shot().command);
    let told = deployment.image.run(&command).expect_success();
    assert!(told.contains("cluster_state:ok on every node"), "{told}");
    assert_three_and_three(&deployment);
    // `docker compose up` again, and after a restart of all: the one-shot service has nothing to do.
    let told = deployment.image.run(&command).expect_success();
    assert!(told.contains("nothing to do"), "{told}");
    let words: Vec<String> =
        ["redis-cli", "-c", "-p", &deployment.ports[0].number().to_string(), "set", "k", "v"]
            .map(str::to_owned)
            .to_vec();
    assert_eq!(deployment.image.run(&words).expect_success(), "OK\n");
    for daemon in &mut deployment.daemons {
        // While a replica writes its first append-only file it does not end: it is asked again.
        let ends = || {
            daemon.signal("TERM");
            daemon.await_exit(Duration::from_secs(1)).is_some()
        };
        assert!(wait::until(PATIENCE, ends), "a node ends");
    }
    deployment.start();
    deployment.await_health();
    let again = || deployment.image.run(&command);
    let is_whole = || again().stdout.contains("nothing to do");
    assert!(wait::until(PATIENCE, is_whole), "{:?}", again());
}

#[test]
fn the_compose_file_forms_a_cluster() {
    forms_a_cluster(&ours(), &crate::program());
}

#[test]
fn the_compose_file_forms_a_cluster_of_valkey() {
    forms_a_cluster(&ours(), &Program::valkey());
}

#[test]
fn a_compose_file_for_redis_needs_only_another_image() {
    let text = of_redis();
    for part in [
        "[\"CMD\", \"redis-cli\", \"-p\", \"7000\", \"ping\"]",
        "redis-cli --cluster create node-1:7000",
    ] {
        assert!(text.contains(part), "no {part}:\n{text}");
    }
    forms_a_cluster(&text, &crate::program());
}

#[test]
fn the_compose_file_says_what_it_is_to_say() {
    let services = services(&ours());
    assert_eq!(services.len(), 7);
    for (number, service) in services.iter().take(6).enumerate() {
        let port = 7000 + number;
        let expected = format!(
            "redis-server --port {port} --cluster-enabled yes --cluster-config-file nodes.conf \
             --cluster-node-timeout 5000 --appendonly yes"
        );
        assert_eq!(service.command.join(" "), expected);
        assert_eq!(service.ports, [format!("{port}:{port}")]);
        assert_eq!(service.volumes, [format!("{}:/data", service.name)]);
        assert!(!service.health.is_empty() && service.image == "redstart", "{service:?}");
    }
}

#[test]
fn the_entrypoint_serves_options_files_and_names_alike() {
    let image = Image::new(&crate::program());
    for (words, expected) in [
        (&["redis-server", "--version"][..], "Redstart server v="),
        (&["--version"], "Redstart server v="),
        (&["redis-cli", "--version"], "redis-cli "),
        (&["redstart", "cluster", "create", "--help"], "--replicas"),
        (&["redis-check-rdb", "--version"], "redis-check-rdb "),
        (&["sh", "-c", "echo any other program"], "any other program"),
    ] {
        let words: Vec<String> = words.iter().map(ToString::to_string).collect();
        let told = image.run(&words).expect_success();
        assert!(told.contains(expected), "{words:?}: {told}");
    }
}

/// Whether a server that the entrypoint starts with these words is in protected mode.
fn is_protected(image: &Image, words: &[&str], folder: &Folder) -> Reply {
    let port = Port::free();
    let mut all: Vec<String> = words.iter().map(ToString::to_string).collect();
    all.extend(["--port", &port.number().to_string(), "--bind", "127.0.0.1"].map(str::to_owned));
    let log = folder.path().join("log");
    let arguments = image.arguments(&all);
    let _daemon = Daemon::start(&Program::tool("env"), &arguments, folder.path(), &log);
    let mut client =
        wait::some(PATIENCE, || Client::connect(port.number()).ok()).expect("it serves");
    let reply = client.command(&["CONFIG", "GET", "protected-mode"]);
    let Reply::Array(mut pair) = reply else { panic!("{reply:?}") };
    pair.pop().expect("a name and a value")
}

#[test]
fn protected_mode_is_off_in_a_container_unless_it_is_asked_for() {
    let image = Image::new(&crate::program());
    let folder = Folder::new();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).expect("the test's own folder");
        path.display().to_string()
    };
    let plain = file("plain.conf", "hz 20\n");
    let said = file("said.conf", "hz 20\nprotected-mode yes\n");
    for (words, expected) in [
        (&["redis-server"][..], "no"),
        (&[], "no"),
        (&["redis-server", "--protected-mode", "yes"], "yes"),
        (&[&plain], "no"),
        (&["redis-server", &said], "yes"),
    ] {
        let value = is_protected(&image, words, &folder);
        assert_eq!(value.text().as_deref(), Some(expected), "{words:?}");
    }
}
