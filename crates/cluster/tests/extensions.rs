//! Which ping extensions a peer gets depends on what it has shown: Redis 6.2 takes any for a torn packet, 7.0
//! logs every type but the hostname, and ours is for ours only.

use base::{Epoch, Monotonic, NodeId, Rng, UnixMillis};
use cluster::wire::{
    Body, Extension, Header, MessageFlags, NodeFlags, PacketType, PacketWriter, decode,
};
use cluster::{Config, Input, LinkId, Machine, Now, Output, SlotBits};

fn now(millis: u64) -> Now {
    Now { monotonic: Monotonic::from_millis(millis), wall: UnixMillis(millis as i64) }
}

/// The packets and the links to open that the machine has ready.
fn drain(machine: &mut Machine) -> (Vec<Vec<u8>>, Vec<LinkId>) {
    let (mut sent, mut opened) = (Vec::new(), Vec::new());
    while let Some(output) = machine.poll_output() {
        match output {
            Output::Send { bytes, .. } => sent.push(bytes),
            Output::Connect { link, .. } => opened.push(link),
            Output::CloseLink { .. }
            | Output::SaveConfig { .. }
            | Output::Follow(_)
            | Output::Promote
            | Output::StandAlone
            | Output::PauseWrites
            | Output::ResumeWrites
            | Output::Leased(_)
            | Output::ViewChanged
            | Output::StateChanged(_)
            | Output::DropKeysInSlot(_)
            | Output::Deliver { .. }
            | Output::Log(..) => {}
        }
    }
    (sent, opened)
}

/// Meets a peer that shows these flags and sends these extensions; gives the types of what it gets then.
fn sent_to(flags: NodeFlags, message_flags: MessageFlags, shown: &[Extension<'_>]) -> Vec<String> {
    let mut config = Config::for_port(7000);
    config.hostname = "one.example".to_owned();
    config.human_nodename = "one".to_owned();
    let mut machine = Machine::new(config, Rng::from_seed(1), now(1_000_000));
    machine.meet(now(1_000_000), "127.0.0.1", 7001, None).expect("it is an address");
    machine.handle(now(1_000_100), Input::Tick);
    let (_, opened) = drain(&mut machine);
    let link = opened[0];
    machine.handle(now(1_000_101), Input::Connected { link, local: None });
    let (meet, _) = drain(&mut machine);
    assert_eq!(meet[0].len(), 2256, "a stranger gets no extensions");
    let header = Header {
        port: 7001,
        current_epoch: Epoch(0),
        config_epoch: Epoch(1),
        offset: 0,
        sender: NodeId::parse(&[b'p'; 40]).expect("an id"),
        slots: SlotBits::EMPTY,
        replica_of: None,
        announced_ip: None,
        other_port: 0,
        bus_port: 17_001,
        flags: NodeFlags::MYSELF | NodeFlags::PRIMARY | flags,
        state: 0,
        message_flags,
    };
    let mut pong = PacketWriter::new(&header, PacketType::Pong);
    shown.iter().for_each(|extension| pong.extension(extension));
    machine.handle(now(1_000_102), Input::Packet { link, bytes: &pong.finish() });
    machine.handle(now(1_020_000), Input::Tick);
    let (sent, _) = drain(&mut machine);
    let ping = sent.last().expect("it is time for a ping");
    let packet = decode(ping).expect("machines send packets");
    let (Body::Ping(heartbeat) | Body::Meet(heartbeat)) = packet.body else { panic!("no ping") };
    let name = |extension: Extension<'_>| match extension {
        Extension::Hostname(name) | Extension::HumanNodename(name) => name.to_owned(),
        Extension::Forgotten { .. } => "forgotten".to_owned(),
        Extension::ShardId(_) => "shard".to_owned(),
        Extension::Status(_) => "status".to_owned(),
        Extension::Unknown { kind, .. } => kind.to_string(),
    };
    heartbeat.extensions.iter().map(name).collect()
}

#[test]
fn each_server_gets_the_extensions_that_it_knows() {
    let none = MessageFlags::default();
    let extensions = MessageFlags([MessageFlags::EXTENSIONS, 0, 0]);
    let shard = [Extension::ShardId(NodeId::parse(&[b's'; 40]).expect("an id"))];
    let hostname = [Extension::Hostname("peer.example")];
    // Redis 6.2, or 7.0 without a hostname.
    assert!(sent_to(NodeFlags::NONE, none, &[]).is_empty());
    // Redis 7.0 with one.
    assert_eq!(sent_to(NodeFlags::NONE, extensions, &hostname), ["one.example"]);
    // Redis 7.2 always sends its shard.
    let known = ["one.example", "one", "shard"];
    assert_eq!(sent_to(NodeFlags::NONE, extensions, &shard), known);
    // Valkey 8 says in its flags that it knows extensions, before it has sent any.
    assert_eq!(sent_to(NodeFlags::EXTENSIONS, extensions, &[]), known);
    // And a node of ours.
    let ours = ["one.example", "one", "shard", "status"];
    assert_eq!(sent_to(NodeFlags::EXTENSIONS, MessageFlags::OURS, &[]), ours);
}
