//! The checksum of files and payloads: CRC-64 with Jones's polynomial, as Redis has it.

use crc_fast::CrcAlgorithm::Crc64Redis;
use crc_fast::Digest;

/// The checksum of bytes, taken in as they come.
#[derive(Clone, Copy, Debug)]
pub struct Checksum(Digest);

impl Default for Checksum {
    fn default() -> Checksum {
        Checksum(Digest::new(Crc64Redis))
    }
}

impl Checksum {
    /// That of bytes that are all there.
    #[must_use]
    pub fn of(bytes: &[u8]) -> u64 {
        crc_fast::checksum(Crc64Redis, bytes)
    }

    /// Takes in the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// That of all bytes so far.
    #[must_use]
    pub fn value(&self) -> u64 {
        self.0.finalize()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_jones_s() {
        assert_eq!(Checksum::of(b"123456789"), 0xe9c6_d914_c4b8_d9ca);
        assert_eq!(Checksum::of(b""), 0);
        let mut pieces = Checksum::default();
        let text: Vec<u8> = (0..=255).cycle().take(5000).collect();
        text.chunks(77).for_each(|piece| pieces.update(piece));
        assert_eq!(pieces.value(), Checksum::of(&text));
    }
}
