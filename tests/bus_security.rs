//! Sealed buses of real processes: who gets in and who does not, how a cluster gets there, and a flood of forged packets.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use base::{Epoch, NodeId, Rng};
use cluster::wire::{
    Body, GossipEntry, HEADER_BYTES, Header, MessageFlags, NodeFlags, Packet, PacketType,
    PacketWriter, encode,
};
use cluster::{SlotBitmap, SlotBits, limits};
use testkit::{Cluster, Folder, Program, Reply, Server, Setup, wait};

const NODE_TIMEOUT: Duration = Duration::from_secs(15);
const LIMIT: Duration = Duration::from_secs(60);

const SECRET: &str = "a secret of the cluster, for tests";

/// Writes a file with secrets, a line each; its path.
pub(crate) fn secret_file(folder: &Folder, name: &str, secrets: &[&str]) -> String {
    let path = folder.path().join(name);
    std::fs::write(&path, secrets.join("\n") + "\n").expect("the folder is ours");
    path.to_str().expect("a path of ASCII").to_owned()
}

/// A number of CLUSTER INFO.
pub(crate) fn counter(node: &Server, name: &str) -> u64 {
    let info = node.client().command(&["CLUSTER", "INFO"]).text().unwrap_or_default();
    let line = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.and_then(|value| value.trim().parse().ok())
        .unwrap_or_else(|| panic!("no number {name} in:\n{info}"))
}

fn setup(mode: &str, secret: &str) -> Setup {
    Setup::cluster(NODE_TIMEOUT).with("cluster-bus-auth", &[mode]).with("cluster-secret", &[secret])
}

fn required(folder: &Folder) -> Cluster {
    let secret = secret_file(folder, "secret", &[SECRET]);
    let program = crate::program();
    let nodes = (0..3).map(|_| Server::start(&program, setup("required", &secret))).collect();
    Cluster::of(nodes)
}

fn is_ok(node: &Server) -> bool {
    let info = node.client().command(&["CLUSTER", "INFO"]).text().unwrap_or_default();
    info.contains("cluster_state:ok") && info.contains("cluster_slots_pfail:0")
}

/// What must not change: who is there, in which role, with which epoch and slots; without the times of pings.
fn state(node: &Server) -> Vec<String> {
    let mut client = node.client();
    let view = client.command(&["CLUSTER", "NODES"]).text().unwrap_or_default();
    let line = |line: &str| {
        let fields: Vec<&str> = line.split(' ').collect();
        // Links that an attacker can break are made again; times go on.
        [&fields[..4], &fields[6..7], &fields[8..]].concat().join(" ")
    };
    let mut state: Vec<String> = view.lines().map(line).collect();
    state.sort();
    state.push(format!("{:?}", client.command(&["CLUSTER", "SLOTS"])));
    let info = client.command(&["CLUSTER", "INFO"]).text().unwrap_or_default();
    let lasting = [
        "cluster_state",
        "cluster_slots",
        "cluster_known",
        "cluster_size",
        "cluster_current",
        "cluster_my",
    ];
    let lasts = |line: &&str| lasting.iter().any(|name| line.starts_with(name));
    state.extend(info.lines().filter(lasts).map(str::to_owned));
    state
}

#[test]
fn nodes_with_the_secret_form_a_cluster_and_nobody_else_joins_or_changes_it() {
    let folder = Folder::new();
    let cluster = required(&folder);
    for node in &cluster.nodes {
        assert!(wait::until(LIMIT, || counter(node, "cluster_bus_links_sealed") == 4));
        assert_eq!(counter(node, "cluster_bus_packets_malformed"), 0);
    }
    // The secret is nowhere to be seen.
    let shown = cluster.nodes[0].client().command(&["CONFIG", "GET", "*"]);
    assert!(!format!("{shown:?}").contains(SECRET));
    assert!(!cluster.nodes[0].log().contains(SECRET));
    let before = state(&cluster.nodes[0]);
    let other = secret_file(&folder, "other", &["the secret of another cluster"]);
    let ours = crate::program();
    let intruders = [
        Server::start(&ours, Setup::cluster(NODE_TIMEOUT)),
        Server::start(&ours, setup("optional", &other)),
        Server::start(&ours, setup("required", &other)),
        Server::start(&Program::redis(), Setup::cluster(NODE_TIMEOUT)),
        Server::start(&Program::valkey(), Setup::cluster(NODE_TIMEOUT)),
    ];
    for intruder in &intruders {
        let refused = || {
            ["forged", "plain_refused"]
                .map(|what| counter(&cluster.nodes[0], &format!("cluster_bus_packets_{what}")))
                .iter()
                .sum::<u64>()
        };
        let refused_before = refused();
        let mut client = intruder.client();
        // It claims all slots, with a great epoch.
        assert_eq!(client.command(&["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]), Reply::ok());
        assert_eq!(client.command(&["CLUSTER", "SET-CONFIG-EPOCH", "99"]), Reply::ok());
        let (theirs, inside) = (intruder.port().to_string(), cluster.nodes[0].port().to_string());
        client.command(&["CLUSTER", "MEET", "127.0.0.1", &inside]);
        cluster.nodes[0].client().command(&["CLUSTER", "MEET", "127.0.0.1", &theirs]);
        // It has come and was turned away, more than once.
        assert!(wait::until(LIMIT, || refused() >= refused_before + 2), "{:?}", intruder.program());
    }
    // The handshakes that we were told to begin come to nothing.
    let same = || state(&cluster.nodes[0]) == before;
    assert!(
        wait::until(LIMIT, same),
        "before: {before:#?}\nafter: {:#?}",
        state(&cluster.nodes[0])
    );
    for node in &cluster.nodes {
        assert!(is_ok(node));
        assert_eq!(counter(node, "cluster_known_nodes"), 3);
    }
}

/// Each node is restarted with the next mode in its file; the others, and it when it is back, say that the cluster is well.
#[test]
fn a_cluster_gets_from_off_to_required_by_restarts_without_going_down() {
    let folder = Folder::new();
    let secret = secret_file(&folder, "secret", &[SECRET]);
    let file = |node: usize| folder.path().join(format!("{node}.conf"));
    let configure = |node: usize, mode: &str| {
        let text = format!("cluster-bus-auth {mode}\ncluster-secret {secret}\n");
        std::fs::write(file(node), text).expect("the folder is ours");
    };
    let program = crate::program();
    let start = |node: usize| {
        configure(node, "off");
        Server::start(&program, Setup::cluster(NODE_TIMEOUT).file(&file(node)))
    };
    let mut cluster = Cluster::of((0..3).map(start).collect());
    for (mode, refused) in
        [("optional", "cluster_bus_packets_malformed"), ("required", "cluster_bus_packets_forged")]
    {
        for node in 0..3 {
            configure(node, mode);
            cluster.nodes[node].kill();
            cluster.nodes[node].restart();
            let others =
                || (0..3).filter(|&other| other != node).all(|other| is_ok(&cluster.nodes[other]));
            let mut back = false;
            assert!(wait::until(LIMIT, || {
                assert!(others(), "{mode} at {node}: the others are not well");
                back = is_ok(&cluster.nodes[node]);
                back
            }));
            cluster.await_agreement();
            assert!(others(), "{mode} at {node}: the others are not well");
        }
        let sealed =
            || cluster.nodes.iter().all(|node| counter(node, "cluster_bus_links_sealed") == 4);
        assert!(wait::until(LIMIT, sealed), "all links are sealed with {mode}");
        for node in &cluster.nodes {
            assert_eq!(counter(node, refused), 0, "{mode}");
        }
    }
}

#[test]
fn settings_that_cannot_seal_are_refused_in_words_that_tell_no_secret() {
    let folder = Folder::new();
    let short = secret_file(&folder, "short", &["hunter2"]);
    let good = secret_file(&folder, "good", &[SECRET]);
    let node = Server::start(&crate::program(), Setup::cluster(NODE_TIMEOUT));
    let mut client = node.client();
    let mut set = |arguments: &[&str]| {
        let words = [&["CONFIG", "SET"][..], arguments].concat();
        let reply = client.command(&words);
        if let Reply::Error(text) = reply {
            return text.rsplit(" - ").next().unwrap_or_default().to_owned();
        }
        format!("{reply:?}")
    };
    let none =
        "cluster-bus-auth needs cluster-secret, which names a file with the cluster's secret";
    assert_eq!(set(&["cluster-bus-auth", "required"]), none);
    let told = set(&["cluster-bus-auth", "required", "cluster-secret", &short]);
    assert_eq!(
        told,
        "cluster-secret: the file that it names cannot be used: a secret needs at least 16 bytes"
    );
    let told = set(&["cluster-bus-auth", "required", "cluster-secret", SECRET]);
    assert_eq!(
        told,
        "cluster-secret: the file that it names cannot be read: No such file or directory"
    );
    assert!(!node.log().contains(SECRET) && !node.log().contains("hunter2"));
    assert!(set(&["cluster-bus-auth", "required", "cluster-secret", &good]).contains("OK"));
    let info = node.client().command(&["CLUSTER", "INFO"]).text().unwrap_or_default();
    assert!(info.contains("cluster_bus_auth:required"), "{info}");
}

/// How many forged packets come; `FORGED_PACKETS=100000` for all of them.
fn flood() -> usize {
    std::env::var("FORGED_PACKETS").map_or(10_000, |count| count.parse().expect("a number"))
}

/// How much a node may grow meanwhile.
const GROWTH_BYTES_MAX: u64 = 8 << 20;

/// Makes packets that nobody of a cluster has sent.
struct Forger {
    rng: Rng,
    /// Who may be claimed as the sender, and spoken of.
    senders: Vec<NodeId>,
    members: Vec<NodeId>,
    kinds: Vec<PacketType>,
}

impl Forger {
    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.rng.below(from.len() as u64) as usize]
    }

    fn packet(&mut self) -> Vec<u8> {
        match self.rng.below(4) {
            0 => self.random(),
            1 => self.of_extreme_length(),
            _ => self.structured(),
        }
    }

    /// A right signature, length, version and type, and anything behind.
    fn random(&mut self) -> Vec<u8> {
        let length = self.pick(&[HEADER_BYTES, HEADER_BYTES + 1, 2296, 4352, 5000]);
        let mut bytes = vec![0; length];
        self.rng.fill(&mut bytes);
        self.frame(&mut bytes);
        bytes
    }

    /// A right packet whose inner lengths and counts are as great or as small as their fields allow.
    fn of_extreme_length(&mut self) -> Vec<u8> {
        let mut bytes = self.structured();
        let counts = [0u16, 1, 0x7fff, 0xffff];
        let lengths = [0u32, 1, 0x7fff_ffff, 0x8000_0000, u32::MAX];
        let (count, extensions) = (self.pick(&counts), self.pick(&counts));
        bytes[14..16].copy_from_slice(&count.to_be_bytes());
        bytes[2214..2216].copy_from_slice(&extensions.to_be_bytes());
        bytes.extend_from_slice(&self.pick(&lengths).to_be_bytes());
        bytes.extend_from_slice(&self.pick(&lengths).to_be_bytes());
        let most = self.pick(&[0, 16, 1000, 60_000, limits::STRANGER_PACKET_BYTES_MAX - 8000]);
        // Seldom: it takes long.
        let tail = if most > 1000 && self.rng.below(50) != 0 { 100 } else { most };
        bytes.resize(bytes.len() + tail, 0xff);
        self.frame(&mut bytes);
        bytes
    }

    fn frame(&mut self, bytes: &mut [u8]) {
        let kind = self.pick(&self.kinds.clone()) as u16;
        bytes[..4].copy_from_slice(b"RCmb");
        let length = (bytes.len() as u32).to_be_bytes();
        bytes[4..8].copy_from_slice(&length);
        bytes[8..10].copy_from_slice(&1u16.to_be_bytes());
        bytes[12..14].copy_from_slice(&kind.to_be_bytes());
    }

    /// What a member might say that takes all slots, declares the others dead and introduces strangers.
    fn structured(&mut self) -> Vec<u8> {
        let slots: SlotBitmap = base::Slot::all().collect();
        let epoch = Epoch(self.rng.next_u64() >> self.rng.below(64));
        let (sender, about) = (self.pick(&self.senders.clone()), self.pick(&self.members.clone()));
        let header = Header {
            port: 7000,
            current_epoch: epoch,
            config_epoch: epoch,
            offset: self.rng.next_u64(),
            sender,
            slots: if self.rng.percent(50) { slots.bits() } else { SlotBits::EMPTY },
            replica_of: self.rng.percent(30).then_some(about),
            announced_ip: "10.9.9.9".parse().ok(),
            other_port: 0,
            bus_port: 17_009,
            flags: NodeFlags(self.rng.next_u64() as u16),
            state: 0,
            message_flags: MessageFlags([self.rng.next_u64() as u8 & 7, 0, MessageFlags::REDSTART]),
        };
        let body = match self.pick(&self.kinds.clone()) {
            kind @ (PacketType::Ping | PacketType::Pong | PacketType::Meet) => {
                let mut writer = PacketWriter::new(&header, kind);
                for _ in 0..self.rng.below(20) {
                    let mut id = [b'0'; 40];
                    self.rng.fill(&mut id[..8]);
                    id[..8].iter_mut().for_each(|byte| *byte = b'a' + *byte % 16);
                    let id = if self.rng.percent(50) {
                        about
                    } else {
                        NodeId::parse(&id).unwrap_or(about)
                    };
                    writer.gossip(&GossipEntry {
                        id,
                        ping_sent_s: 1,
                        pong_received_s: 2,
                        ip: "10.9.9.9".parse().ok(),
                        port: 1,
                        bus_port: 2,
                        flags: NodeFlags::PRIMARY | NodeFlags::FAIL,
                        other_port: 0,
                    });
                }
                return writer.finish();
            }
            PacketType::Fail => Body::Fail(about),
            PacketType::Publish | PacketType::PublishShard => {
                Body::Publish { sharded: false, channel: b"forged", message: b"message" }
            }
            PacketType::AuthRequest => Body::AuthRequest,
            PacketType::AuthAck => Body::AuthAck,
            PacketType::Update => {
                Body::Update { config_epoch: epoch, owner: about, slots: slots.bits() }
            }
            PacketType::ManualFailoverStart => Body::ManualFailoverStart,
            PacketType::Module => Body::Module { module: &[1; 8], kind: 0, payload: b"payload" },
        };
        encode(&Packet { header, body })
    }
}

/// Sends packets on one connection, and returns when the node has dealt with all that it took of them.
fn deliver(port: u16, packets: &[Vec<u8>]) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("the bus listens");
    stream.set_read_timeout(Some(LIMIT)).expect("it is a socket");
    stream.set_write_timeout(Some(LIMIT)).expect("it is a socket");
    // The node may close it at any packet: what is sent behind that is lost.
    for packet in packets {
        if stream.write_all(packet).is_err() {
            return;
        }
    }
    let _ = stream.shutdown(Shutdown::Write);
    let mut answers = Vec::new();
    // PONGs, then the end, which comes behind everything that was sent; or a reset.
    let _ = stream.read_to_end(&mut answers);
}

fn id(node: &Server) -> NodeId {
    let id = node.client().command(&["CLUSTER", "MYID"]).text().unwrap_or_default();
    NodeId::parse(id.as_bytes()).expect("an id")
}

/// Floods a node and looks at it before and after. `per_link` packets go over one connection.
fn forged(cluster: &Cluster, mut forger: Forger, count: usize, per_link: usize) {
    let node = &cluster.nodes[0];
    let before = state(node);
    // What is allocated once for all.
    let mut send = |count: usize| {
        for _ in 0..count / per_link {
            let packets: Vec<Vec<u8>> = (0..per_link).map(|_| forger.packet()).collect();
            deliver(node.bus_port(), &packets);
        }
    };
    send(count / 10);
    broken_off().iter().for_each(|frame| deliver(node.bus_port(), std::slice::from_ref(frame)));
    let resident = node.resident_bytes();
    send(count);
    broken_off().iter().for_each(|frame| deliver(node.bus_port(), std::slice::from_ref(frame)));
    let grown = node.resident_bytes().saturating_sub(resident);
    println!(
        "{count} forged packets, {per_link} a link: {grown} bytes more, {} of them malformed",
        counter(node, "cluster_bus_packets_malformed")
    );
    assert_eq!(state(node), before);
    assert!(grown <= GROWTH_BYTES_MAX, "it has grown by {grown} bytes");
    for node in &cluster.nodes {
        assert!(wait::until(LIMIT, || is_ok(node)));
    }
}

/// Frames of all kinds that begin with a length at the edge of what is allowed, and go no further.
fn broken_off() -> Vec<Vec<u8>> {
    let lengths =
        [0, 7, 8, 15, 16, 63, 64, 119, 120, 121, 2255, 2256, 2257, 2 << 20, (2 << 20) + 1];
    let long = [limits::PACKET_BYTES_MAX as u32, limits::FRAME_BYTES_MAX as u32];
    let longer = [long[0] + 1, long[1] + 1, 1 << 31, u32::MAX];
    let mut frames = Vec::new();
    for length in lengths.into_iter().chain(long).chain(longer) {
        for signature in [b"RCmb", b"RSsl", b"RSgr", b"RCmx"] {
            for kind in [0u16, 4, 0x8004, 0xffff] {
                let mut frame = signature.to_vec();
                frame.extend_from_slice(&length.to_be_bytes());
                frame.extend_from_slice(&[0, 1, 0, 0]);
                frame.extend_from_slice(&kind.to_be_bytes());
                frame.extend_from_slice(&[0xff; 200]);
                frames.push(frame);
            }
        }
    }
    frames
}

/// Where nothing is sealed, strangers can still not do more than introduce themselves.
#[test]
fn packets_of_strangers_change_nothing_and_take_no_memory() {
    let ours = crate::program();
    let cluster = Cluster::start(&[&ours, &ours, &ours], NODE_TIMEOUT);
    let members: Vec<NodeId> = cluster.nodes.iter().map(id).collect();
    let rng = Rng::from_seed(crate::seed("FORGED_SEED"));
    let senders = [b'0', b'm', b'z'].map(|byte| NodeId::parse(&[byte; 40]).expect("an id")).into();
    let kinds = PacketType::ALL.into_iter().filter(|kind| *kind != PacketType::Meet).collect();
    forged(&cluster, Forger { rng, senders, members, kinds }, flood(), 50);
}

/// Where everything is sealed, nobody can, whoever he claims to be.
#[test]
fn packets_of_members_change_nothing_without_their_seal() {
    let folder = Folder::new();
    let cluster = required(&folder);
    let members: Vec<NodeId> = cluster.nodes.iter().map(id).collect();
    let rng = Rng::from_seed(crate::seed("FORGED_SEED"));
    let forger = Forger { rng, senders: members.clone(), members, kinds: PacketType::ALL.into() };
    let refused = counter(&cluster.nodes[0], "cluster_bus_packets_plain_refused");
    let count = flood();
    forged(&cluster, forger, count, 1);
    let refused = counter(&cluster.nodes[0], "cluster_bus_packets_plain_refused") - refused;
    // And light ones of those that break off.
    assert!(refused as usize >= count + count / 10, "{refused} of {count} are counted");
}
