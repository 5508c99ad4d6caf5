//! The dense form: a register is six bits, the lowest bits of a byte first.

use super::estimate::Histogram;
use super::sketch::{HEADER_BYTES, REGISTERS};

const REGISTER_BITS: usize = 6;
const REGISTER_MAX: u8 = (1 << REGISTER_BITS) - 1;

/// The length of a dense HyperLogLog, its header included.
pub(super) const DENSE_BYTES: usize = HEADER_BYTES + REGISTERS * REGISTER_BITS / 8;

/// The value of a register; `registers` is what follows the header.
pub(super) fn register(registers: &[u8], index: usize) -> u8 {
    let (byte, shift) = place(index);
    let next = registers.get(byte + 1).copied().unwrap_or(0);
    (u16::from_le_bytes([registers[byte], next]) >> shift) as u8 & REGISTER_MAX
}

/// Gives a register a value of six bits.
pub(super) fn set_register(registers: &mut [u8], index: usize, value: u8) {
    let (byte, shift) = place(index);
    let [low, high] = (u16::from(value) << shift).to_le_bytes();
    let [low_mask, high_mask] = (u16::from(REGISTER_MAX) << shift).to_le_bytes();
    registers[byte] = registers[byte] & !low_mask | low;
    if high_mask != 0 {
        registers[byte + 1] = registers[byte + 1] & !high_mask | high;
    }
}

/// Raises a register; whether it was lower.
pub(super) fn raise(registers: &mut [u8], index: usize, value: u8) -> bool {
    let is_lower = register(registers, index) < value;
    if is_lower {
        set_register(registers, index, value);
    }
    is_lower
}

/// The values of all registers, four at a time: they are three bytes.
pub(super) fn fours(registers: &[u8]) -> impl Iterator<Item = [u8; 4]> {
    let (groups, _) = registers.as_chunks::<3>();
    groups.iter().map(|&[a, b, c]| {
        let four = u32::from_le_bytes([a, b, c, 0]);
        [0, 6, 12, 18].map(|shift| (four >> shift) as u8 & REGISTER_MAX)
    })
}

/// The values of all registers.
pub(super) fn values(registers: &[u8]) -> impl Iterator<Item = u8> {
    fours(registers).flatten()
}

/// Gives all registers their values.
pub(super) fn set_registers(registers: &mut [u8], values: &[u8; REGISTERS]) {
    let (groups, _) = registers.as_chunks_mut::<3>();
    let (fours, _) = values.as_chunks::<4>();
    for (group, &[a, b, c, d]) in groups.iter_mut().zip(fours) {
        let four = u32::from(a) | u32::from(b) << 6 | u32::from(c) << 12 | u32::from(d) << 18;
        let [low, middle, high, _] = four.to_le_bytes();
        *group = [low, middle, high];
    }
}

/// How many registers hold each value.
pub(super) fn histogram(registers: &[u8]) -> Histogram {
    Histogram::of(fours(registers))
}

/// The byte in which a register begins, and how many bits of it belong to the one before.
fn place(index: usize) -> (usize, usize) {
    (index * REGISTER_BITS / 8, index * REGISTER_BITS % 8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn registers_keep_their_values(values_set in proptest::collection::vec(0..64u8, REGISTERS)) {
            let mut registers = vec![0xaa; DENSE_BYTES - HEADER_BYTES];
            for (index, value) in values_set.iter().enumerate() {
                set_register(&mut registers, index, *value);
            }
            for (index, value) in values_set.iter().enumerate() {
                prop_assert_eq!(register(&registers, index), *value);
            }
            prop_assert!(values(&registers).eq(values_set.iter().copied()));
            let mut again = vec![0x55; DENSE_BYTES - HEADER_BYTES];
            set_registers(&mut again, &values_set.try_into().expect("as many as there are registers"));
            prop_assert_eq!(registers, again);
        }
    }
}
