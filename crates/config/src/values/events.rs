//! `notify-keyspace-events`: which events are published, and on which channels.

use crate::directive::{Line, Rule};
use crate::refusal::Refusal;
use crate::setting::{Input, Setting, quoted_line};

/// A class of keyspace events, or a kind of channel. The number is its bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum EventClass {
    /// `g`: DEL, EXPIRE, RENAME and others that know no type.
    Generic = 1 << 0,
    /// `$`: commands on strings.
    String = 1 << 1,
    /// `l`: commands on lists.
    List = 1 << 2,
    /// `s`: commands on sets.
    Set = 1 << 3,
    /// `h`: commands on hashes.
    Hash = 1 << 4,
    /// `z`: commands on sorted sets.
    SortedSet = 1 << 5,
    /// `x`: a key expired.
    Expired = 1 << 6,
    /// `e`: a key was evicted.
    Evicted = 1 << 7,
    /// `t`: commands on streams.
    Stream = 1 << 8,
    /// `d`: events of module types.
    Module = 1 << 9,
    /// `n`: a key came into being; not part of `A`.
    New = 1 << 10,
    /// `m`: a key was looked for and not there; not part of `A`.
    Miss = 1 << 11,
    /// `K`: on `__keyspace@<db>__` channels.
    Keyspace = 1 << 12,
    /// `E`: on `__keyevent@<db>__` channels.
    Keyevent = 1 << 13,
}

/// The letters of the classes that `A` stands for, in the order in which they are shown.
const IN_ALL: [(u8, EventClass); 10] = [
    (b'g', EventClass::Generic),
    (b'$', EventClass::String),
    (b'l', EventClass::List),
    (b's', EventClass::Set),
    (b'h', EventClass::Hash),
    (b'z', EventClass::SortedSet),
    (b'x', EventClass::Expired),
    (b'e', EventClass::Evicted),
    (b't', EventClass::Stream),
    (b'd', EventClass::Module),
];

/// The classes whose events are published.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyspaceEvents(u16);

impl KeyspaceEvents {
    const ALL: KeyspaceEvents = KeyspaceEvents((1 << 10) - 1);

    /// Whether the class, or the kind of channel, is chosen.
    #[must_use]
    pub const fn contains(self, class: EventClass) -> bool {
        self.0 & class as u16 != 0
    }

    /// Whether an event of this class goes to any channel.
    #[must_use]
    pub const fn publishes(self, class: EventClass) -> bool {
        let channels = EventClass::Keyspace as u16 | EventClass::Keyevent as u16;
        self.contains(class) && self.0 & channels != 0
    }

    fn parse(letters: &[u8]) -> Option<KeyspaceEvents> {
        letters.iter().try_fold(KeyspaceEvents(0), |events, letter| {
            let bits = match letter {
                b'A' => Self::ALL.0,
                b'n' => EventClass::New as u16,
                b'm' => EventClass::Miss as u16,
                b'K' => EventClass::Keyspace as u16,
                b'E' => EventClass::Keyevent as u16,
                letter => IN_ALL.iter().find(|(known, _)| known == letter)?.1 as u16,
            };
            Some(KeyspaceEvents(events.0 | bits))
        })
    }

    fn letters(self) -> Vec<u8> {
        let mut letters = Vec::new();
        let mut push = |letter: u8, shown: bool| {
            if shown {
                letters.push(letter);
            }
        };
        let all = self.0 & Self::ALL.0 == Self::ALL.0;
        push(b'A', all);
        for (letter, class) in IN_ALL {
            push(letter, !all && self.contains(class));
        }
        push(b'n', !all && self.contains(EventClass::New));
        push(b'K', self.contains(EventClass::Keyspace));
        push(b'E', self.contains(EventClass::Keyevent));
        push(b'm', self.contains(EventClass::Miss));
        // Valkey and Redis forget this one beside A, so that a rewritten file would mean less.
        push(b'n', all && self.contains(EventClass::New));
        letters
    }
}

impl Setting for KeyspaceEvents {
    fn set(&mut self, input: Input<'_>) -> Result<(), Refusal> {
        let refusal = Refusal::Special("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.");
        *self = KeyspaceEvents::parse(input.word()?).ok_or(refusal)?;
        Ok(())
    }

    fn text(&self, _: &Rule, out: &mut Vec<u8>) {
        out.extend(self.letters());
    }

    fn lines(&self, default: &Self, _: &Rule) -> Vec<Line> {
        vec![quoted_line(&self.letters(), &default.letters())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_classes_are_shown_in_the_order_of_redis() {
        for (set, shown) in [
            ("KEA", "AKE"),
            ("Kx", "xK"),
            ("", ""),
            ("zz", "z"),
            ("K$lshzxegtmd", "AKm"),
            ("g$lshztxed", "A"),
            ("Km", "Km"),
            ("KEn", "nKE"),
            ("AKEmn", "AKEmn"),
            ("Egx", "gxE"),
        ] {
            let events = KeyspaceEvents::parse(set.as_bytes()).unwrap();
            assert_eq!(String::from_utf8(events.letters()).unwrap(), shown, "{set}");
            assert_eq!(KeyspaceEvents::parse(&events.letters()), Some(events));
        }
        assert_eq!(KeyspaceEvents::parse(b"Kq"), None);
    }

    #[test]
    fn nothing_is_published_without_a_kind_of_channel() {
        assert!(!KeyspaceEvents::parse(b"x").unwrap().publishes(EventClass::Expired));
        assert!(KeyspaceEvents::parse(b"Ex").unwrap().publishes(EventClass::Expired));
        assert!(!KeyspaceEvents::parse(b"Ex").unwrap().publishes(EventClass::Evicted));
    }
}
