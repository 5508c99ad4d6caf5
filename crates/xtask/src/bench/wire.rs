//! The requests of the benchmark and the replies that belong to them.
//!
//! Keys are `key:` and twelve digits, as redis-benchmark writes them (16 bytes); every value is the same
//! 32 bytes, in which nothing repeats that a snapshot could compress. So all requests of a kind have one length and all replies of a kind are equal, and a client
//! can check every byte of every reply for the price of a comparison.

/// Bytes of a key.
pub(crate) const KEY_BYTES: usize = 16;

const GET_HEAD: &[u8] = b"*2\r\n$3\r\nGET\r\n$16\r\nkey:";
const GET_TAIL: &[u8] = b"\r\n";
const SET_HEAD: &[u8] = b"*3\r\n$3\r\nSET\r\n$16\r\nkey:";
const SET_TAIL: &[u8] = b"\r\n$32\r\n0123456789abcdefghijklmnopqrstuv\r\n";

/// Decimal digits of a key's number.
const DIGITS: usize = KEY_BYTES - 4;

/// Which command a request is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// `GET key`, of a key that is there.
    Get,
    /// `SET key value`.
    Set,
}

impl Kind {
    /// Both kinds, in the order of the report.
    pub(crate) const ALL: [Kind; 2] = [Kind::Get, Kind::Set];

    /// The command's name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Kind::Get => "GET",
            Kind::Set => "SET",
        }
    }

    /// Bytes of a request.
    pub(crate) const fn request_bytes(self) -> usize {
        self.head().len() + DIGITS + self.tail().len()
    }

    /// The reply.
    pub(crate) const fn reply(self) -> &'static [u8] {
        match self {
            Kind::Get => b"$32\r\n0123456789abcdefghijklmnopqrstuv\r\n",
            Kind::Set => b"+OK\r\n",
        }
    }

    /// The request as [`super::template`] has it.
    pub(crate) const fn line(self) -> &'static str {
        match self {
            Kind::Get => "GET key:#",
            Kind::Set => "SET key:# 0123456789abcdefghijklmnopqrstuv",
        }
    }

    /// Where the digits of the key begin in a request.
    const fn head(self) -> &'static [u8] {
        match self {
            Kind::Get => GET_HEAD,
            Kind::Set => SET_HEAD,
        }
    }

    const fn tail(self) -> &'static [u8] {
        match self {
            Kind::Get => GET_TAIL,
            Kind::Set => SET_TAIL,
        }
    }
}

/// Appends one request for the key of this number.
pub(crate) fn append_request(output: &mut Vec<u8>, kind: Kind, key: u64) {
    output.extend_from_slice(kind.head());
    output.extend_from_slice(&digits(key));
    output.extend_from_slice(kind.tail());
}

/// Requests of one kind that stand ready in memory; only the keys change from batch to batch.
pub(crate) struct Batch {
    kind: Kind,
    bytes: Vec<u8>,
}

impl Batch {
    /// A batch of `depth` requests.
    pub(crate) fn new(kind: Kind, depth: usize) -> Batch {
        let mut bytes = Vec::with_capacity(depth * kind.request_bytes());
        for _ in 0..depth {
            append_request(&mut bytes, kind, 0);
        }
        Batch { kind, bytes }
    }

    /// The kind of its requests.
    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// The wire form, with the next keys filled in.
    pub(crate) fn with_keys(&mut self, mut next_key: impl FnMut() -> u64) -> &[u8] {
        let start = self.kind.head().len();
        for request in self.bytes.chunks_exact_mut(self.kind.request_bytes()) {
            request[start..start + DIGITS].copy_from_slice(&digits(next_key()));
        }
        &self.bytes
    }
}

/// The decimal digits of a number below 10^12, with zeros in front.
fn digits(mut number: u64) -> [u8; DIGITS] {
    let mut text = [b'0'; DIGITS];
    let mut at = DIGITS;
    while number > 0 && at > 0 {
        at -= 1;
        text[at] = b'0' + (number % 10) as u8;
        number /= 10;
    }
    text
}

/// A small seeded generator (xorshift64*): the same sequence of keys for every peer.
pub(crate) struct Keys {
    state: u64,
    count: u64,
}

impl Keys {
    /// A generator of keys below `count`; `seed` must not be 0.
    pub(crate) fn new(seed: u64, count: u64) -> Keys {
        Keys { state: seed.max(1), count }
    }

    /// The number of the next key.
    pub(crate) fn next(&mut self) -> u64 {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        let random = self.state.wrapping_mul(0x2545_F491_4F6C_DD1D);
        // The high half of the product is uniform enough below any count of keys used here.
        ((u128::from(random) * u128::from(self.count)) >> 64) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_have_the_length_they_claim() {
        for kind in Kind::ALL {
            let mut request = Vec::new();
            append_request(&mut request, kind, 123);
            assert_eq!(request.len(), kind.request_bytes());
            assert!(request.windows(KEY_BYTES).any(|window| window == b"key:000000000123"));
        }
        let value = &SET_TAIL[b"\r\n$32\r\n".len()..SET_TAIL.len() - 2];
        assert_eq!(value.len(), 32);
        assert_eq!(Kind::Get.reply(), [b"$32\r\n", value, b"\r\n"].concat());
    }

    #[test]
    fn batches_hold_the_requests_of_their_keys() {
        let mut key = 0;
        let mut batch = Batch::new(Kind::Get, 3);
        let bytes = batch
            .with_keys(|| {
                key += 1;
                key
            })
            .to_vec();
        let mut expected = Vec::new();
        for key in 1..=3 {
            append_request(&mut expected, Kind::Get, key);
        }
        assert_eq!(bytes, expected);
    }

    #[test]
    fn keys_cover_the_range_and_stay_in_it() {
        let mut keys = Keys::new(7, 100);
        let mut seen = [false; 100];
        for _ in 0..10_000 {
            seen[usize::try_from(keys.next()).expect("below 100")] = true;
        }
        assert!(seen.iter().all(|&seen| seen));
    }
}
