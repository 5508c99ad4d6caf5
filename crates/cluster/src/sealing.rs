//! Which links are sealed, and which packets are let in.
//!
//! ```text
//!   required: HELLO --> WELCOME --> MEET or PING, sealed          nothing plain, either way
//!   optional: MEET or PING, plain --> PONG that says "I can" --> HELLO --> WELCOME --> sealed
//!             HELLO first, and nothing plain, towards a node that has shown that it knows the secret
//!   off:      plain
//! ```
//!
//! Whoever is refused changes nothing but a counter; the link is closed, except for what is merely late.

use crate::links::{Direction, Link, LinkId};
use crate::machine::{Machine, Output};
use crate::node::Node;
use crate::nodes::{MYSELF, NodeIndex};
use crate::seal::{
    BusAuthMode, GREETING_SIGNATURE, Greeting, Kind, Refused, SEALED_SIGNATURE, Seal, Secret,
    Session, kind_of,
};
use crate::wire::MessageFlags;
use base::NodeId;

impl Machine {
    /// What stands in the header of each of our packets: our mark, and whether we can seal.
    pub(crate) fn message_flags(&self) -> MessageFlags {
        let [flags, _, mark] = MessageFlags::OURS.0;
        MessageFlags([flags, if self.config.auth.is_on() { MessageFlags::SEALS } else { 0 }, mark])
    }

    /// Whether a new link to a node begins with a greeting, and carries nothing before it is answered.
    pub(crate) fn greets_first(&self, peer: NodeIndex) -> bool {
        match self.config.auth.mode {
            BusAuthMode::Off => false,
            BusAuthMode::Optional => self.nodes[peer].knows_secret,
            BusAuthMode::Required => true,
        }
    }

    /// Says HELLO on a link of ours.
    pub(crate) fn greet(&mut self, link_id: LinkId) {
        let Some(secret) = self.config.auth.secrets.first().cloned() else { return };
        let greeting = Greeting { sender: self.my_id(), nonce: self.nonce() };
        let hello = greeting.frame(Kind::Hello, &secret, &[]);
        if let Some(link) = self.links.get_mut(link_id) {
            link.seal = Seal::Greeted { hello: Box::new(hello), secret };
            self.output(Output::Send { link: link_id, bytes: hello.to_vec() });
        }
    }

    /// Bytes that were never there before.
    fn nonce(&mut self) -> [u8; 32] {
        self.nonces += 1;
        let id = self.my_id();
        self.config.auth.nonce_key.derive(&[
            id.as_bytes(),
            &self.nonces.to_be_bytes(),
            &self.rng.next_u64().to_be_bytes(),
        ])
    }

    /// A node of ours that can seal has answered on a link of ours that is not sealed.
    pub(crate) fn can_be_sealed(&mut self, link_id: LinkId) {
        let Some(link) = self.links.get(link_id) else { return };
        let is_ours = link.direction == Direction::Outbound && link.connected;
        if is_ours && matches!(link.seal, Seal::Plain) && self.config.auth.is_on() {
            self.greet(link_id);
        }
    }

    /// The packet in a frame, if the link may bring it. Greetings end here.
    pub(crate) fn admitted<'a>(&mut self, link_id: LinkId, frame: &'a [u8]) -> Option<&'a [u8]> {
        if frame.starts_with(&GREETING_SIGNATURE) {
            if let Err(refused) = self.greeted(link_id, frame) {
                self.refuse(link_id, refused);
            }
            return None;
        }
        let is_required = self.config.auth.mode == BusAuthMode::Required;
        let seal = &mut self.links.get_mut(link_id)?.seal;
        let opened = match seal {
            Seal::Sealed(session) if frame.starts_with(&SEALED_SIGNATURE) => session.open(frame),
            Seal::Plain | Seal::Greeted { .. } if frame.starts_with(&SEALED_SIGNATURE) => {
                Err(Refused::Forged)
            }
            seal if is_required || seal.is_proven() => Err(Refused::Plain),
            Seal::Plain | Seal::Greeted { .. } | Seal::Sealed(_) => Ok(frame),
        };
        opened.map_err(|refused| self.refuse(link_id, refused)).ok()
    }

    /// Whether a sender may be heard on a link: under a seal only the one who has greeted, without one nobody who has shown
    /// that it knows the secret. The latter holds until the node says, under a seal, that it seals no more.
    ///
    /// Plain answers on a link of ours that wait for WELCOME were sent before HELLO came; they are only left out.
    pub(crate) fn is_heard(&mut self, link_id: LinkId, sender: NodeId) -> bool {
        let Some(link) = self.links.get(link_id) else { return false };
        let session = link.seal.session().filter(|session| session.is_proven);
        let refused = match session {
            Some(session) if session.peer != sender => Refused::Forged,
            Some(_) => return true,
            None if !self.knows_secret(sender) => return true,
            None if matches!(link.seal, Seal::Greeted { .. }) => return false,
            None => Refused::Plain,
        };
        self.refuse(link_id, refused);
        false
    }

    fn knows_secret(&self, id: NodeId) -> bool {
        let is_on = self.config.auth.is_on();
        is_on && self.nodes.find(&id).is_some_and(|index| self.nodes[index].knows_secret)
    }

    /// What a packet of a known node says of seals.
    pub(crate) fn heard_of_seals(
        &mut self,
        sender: NodeIndex,
        link_id: LinkId,
        flags: MessageFlags,
    ) {
        let can_seal = flags.from_redstart() && flags.can_seal();
        let Some(link) = self.links.get(link_id) else { return };
        let (is_sealed, inbound) = (link.seal.is_proven(), link.direction == Direction::Inbound);
        // On the node's own link: everything that it has to say goes under the seal now.
        if is_sealed && (inbound || !can_seal) {
            self.nodes[sender].knows_secret = can_seal;
        }
        if can_seal && let Some(ours) = self.nodes[sender].outbound {
            self.can_be_sealed(ours);
        }
    }

    fn greeted(&mut self, link_id: LinkId, frame: &[u8]) -> Result<(), Refused> {
        let kind = kind_of(frame).ok_or(Refused::Forged)?;
        let link = self.links.get(link_id).ok_or(Refused::Forged)?;
        match (kind, link.direction, &link.seal) {
            (_, _, Seal::Sealed(_)) => Err(Refused::Replayed),
            (Kind::Hello, Direction::Inbound, Seal::Plain) if self.config.auth.is_on() => {
                self.hello(link_id, frame)
            }
            (Kind::Welcome, Direction::Outbound, Seal::Greeted { hello, secret }) => {
                let (hello, secret) = (**hello, secret.clone());
                let welcome = Greeting::read(frame, Kind::Welcome, &secret, &hello);
                let welcome = welcome.filter(|welcome| welcome.sender != self.nodes[MYSELF].id);
                let own = Greeting::read(&hello, Kind::Hello, &secret, &[]);
                let (welcome, own) = welcome.zip(own).ok_or(Refused::Forged)?;
                let session = Session::new(
                    &secret,
                    Direction::Outbound,
                    welcome.sender,
                    &own.nonce,
                    &welcome.nonce,
                );
                self.sealed(link_id, session);
                if !self.links.get(link_id).is_some_and(|link| link.connected) {
                    self.open_for_packets(link_id);
                }
                Ok(())
            }
            _ => Err(Refused::Forged),
        }
    }

    /// A HELLO on a link that somebody opened. It may have been recorded; that its sender is there and knows the secret is
    /// shown by the first packet under the seal.
    fn hello(&mut self, link_id: LinkId, frame: &[u8]) -> Result<(), Refused> {
        let read = |secret: &Secret| {
            Greeting::read(frame, Kind::Hello, secret, &[]).map(|hello| (hello, secret.clone()))
        };
        let me = self.my_id();
        let known = self.config.auth.secrets.iter().find_map(read);
        let (hello, secret) =
            known.filter(|(hello, _)| hello.sender != me).ok_or(Refused::Forged)?;
        let greeting = Greeting { sender: me, nonce: self.nonce() };
        let welcome = greeting.frame(Kind::Welcome, &secret, frame);
        let session =
            Session::new(&secret, Direction::Inbound, hello.sender, &hello.nonce, &greeting.nonce);
        self.sealed(link_id, session);
        self.output(Output::Send { link: link_id, bytes: welcome.to_vec() });
        Ok(())
    }

    fn sealed(&mut self, link_id: LinkId, session: Session) {
        if let Some(link) = self.links.get_mut(link_id) {
            link.seal = Seal::Sealed(Box::new(session));
        }
    }

    fn refuse(&mut self, link_id: LinkId, refused: Refused) {
        let counters = &mut self.counters;
        let what = match refused {
            Refused::Forged => {
                counters.forged += 1;
                "Packet without a valid seal on the Cluster bus."
            }
            Refused::Replayed => {
                counters.replayed += 1;
                "Packet that has been here before on the Cluster bus."
            }
            Refused::Plain => {
                counters.plain_refused += 1;
                "Packet without a seal on the Cluster bus, where one is required."
            }
        };
        self.malformed_packet(what);
        if refused != Refused::Replayed {
            self.close_link(link_id);
        }
    }

    /// After a change of settings: closes the links that could not come to be under them.
    pub(crate) fn close_what_is_not_admitted(&mut self) {
        let auth = &self.config.auth;
        let stays = |link: &Link| match (&link.seal, auth.mode) {
            (_, BusAuthMode::Off) => true,
            (Seal::Plain | Seal::Greeted { .. }, mode) => mode == BusAuthMode::Optional,
            (Seal::Sealed(session), _) => auth.secrets.contains(&session.secret),
        };
        let gone: Vec<LinkId> =
            self.links.iter().filter(|(_, link)| !stays(link)).map(|(id, _)| id).collect();
        gone.into_iter().for_each(|link| self.close_link(link));
    }

    /// How many links are sealed.
    pub(crate) fn sealed_links(&self) -> usize {
        self.links.iter().filter(|(_, link)| link.seal.is_proven()).count()
    }

    /// The longest packet that a link may bring now: one of a node that we know, or of somebody who has still to show who it is.
    #[must_use]
    pub fn packet_bytes_max(&self, link: LinkId) -> usize {
        let is_known = self.links.get(link).is_some_and(|link| {
            let node = link.node.map(|index| &self.nodes[index]);
            node.is_some_and(|node: &Node| !node.in_handshake())
        });
        if is_known {
            crate::limits::FRAME_BYTES_MAX
        } else {
            crate::limits::STRANGER_PACKET_BYTES_MAX
        }
    }
}
