//! Natural numbers of any length: the little that exact decimal conversion needs.

use std::cmp::Ordering;

/// A natural number; limbs of 32 bits, the lowest first, the highest not zero.
#[derive(Clone, Debug)]
pub(super) struct Natural(Vec<u32>);

impl From<u64> for Natural {
    fn from(value: u64) -> Natural {
        let mut natural = Natural(vec![value as u32, (value >> 32) as u32]);
        natural.trim();
        natural
    }
}

impl Natural {
    pub(super) fn is_zero(&self) -> bool {
        self.0.is_empty()
    }

    /// How many bits it has.
    pub(super) fn bits(&self) -> u32 {
        self.0.last().map_or(0, |top| self.0.len() as u32 * 32 - top.leading_zeros())
    }

    /// Multiplies by `factor`, then adds `summand`.
    pub(super) fn multiply_add(&mut self, factor: u32, summand: u32) {
        let mut carry = u64::from(summand);
        for limb in &mut self.0 {
            carry += u64::from(*limb) * u64::from(factor);
            *limb = carry as u32;
            carry >>= 32;
        }
        if carry != 0 {
            self.0.push(carry as u32);
        }
    }

    /// Multiplies by 5 to the power of `power`.
    pub(super) fn multiply_power_of_five(&mut self, power: u32) {
        /// The greatest power of five that fits a limb.
        const STEP: u32 = 13;
        for _ in 0..power / STEP {
            self.multiply_add(5u32.pow(STEP), 0);
        }
        self.multiply_add(5u32.pow(power % STEP), 0);
    }

    /// Multiplies by 2 to the power of `bits`.
    pub(super) fn shift_left(&mut self, bits: u32) {
        if self.is_zero() {
            return;
        }
        self.multiply_add(1 << (bits % 32), 0);
        let limbs = (bits / 32) as usize;
        if limbs != 0 {
            self.0.splice(0..0, std::iter::repeat_n(0, limbs));
        }
    }

    /// Subtracts `other` where that is not greater; whether it was not.
    pub(super) fn subtract_if_not_less(&mut self, other: &Natural) -> bool {
        let order = (self.0.len().cmp(&other.0.len()))
            .then_with(|| self.0.iter().rev().cmp(other.0.iter().rev()));
        if order == Ordering::Less {
            return false;
        }
        let mut borrow = false;
        for (index, limb) in self.0.iter_mut().enumerate() {
            let other = other.0.get(index).copied().unwrap_or(0);
            let (less, first) = limb.overflowing_sub(other);
            let (less, second) = less.overflowing_sub(u32::from(borrow));
            *limb = less;
            borrow = first || second;
        }
        self.trim();
        true
    }

    /// The highest 128 bits at most, the place of the lowest of them, and whether there is anything but zeros below.
    pub(super) fn top(&self) -> (u128, i32, bool) {
        let first = self.0.len().saturating_sub(4);
        let top =
            self.0[first..].iter().rev().fold(0u128, |top, &limb| top << 32 | u128::from(limb));
        (top, first as i32 * 32, self.0[..first].iter().any(|&limb| limb != 0))
    }

    /// Appends its decimal digits.
    pub(super) fn push_decimal(mut self, out: &mut Vec<u8>) {
        const STEP: u32 = 1_000_000_000;
        let mut groups = Vec::new();
        while !self.is_zero() {
            let mut rest = 0u64;
            for limb in self.0.iter_mut().rev() {
                rest = rest << 32 | u64::from(*limb);
                *limb = (rest / u64::from(STEP)) as u32;
                rest %= u64::from(STEP);
            }
            groups.push(rest as u32);
            self.trim();
        }
        let highest = groups.pop().unwrap_or(0);
        out.extend_from_slice(highest.to_string().as_bytes());
        for group in groups.into_iter().rev() {
            out.extend_from_slice(format!("{group:09}").as_bytes());
        }
    }

    fn trim(&mut self) {
        while self.0.last() == Some(&0) {
            self.0.pop();
        }
    }
}
