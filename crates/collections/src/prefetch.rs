//! The hint that memory will be read soon.

/// Asks the processor to bring the cache line of `at` near; changes nothing that a program can see.
/// Does nothing where the target has no such instruction.
#[inline(always)]
pub fn prefetch<T>(at: &T) {
    prefetch_address(std::ptr::from_ref(at).cast());
}

/// The same for memory that will be written, a lock for example: the line is taken from the other processors at once and not at the write.
#[inline(always)]
pub fn prefetch_to_write<T>(at: &T) {
    let at: *const T = std::ptr::from_ref(at);
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    // SAFETY: the instruction is a hint, it never faults and touches no register; processors that do not know it pass over it. Written out, for the
    // intrinsic becomes a prefetch to read where the target is every x86-64.
    unsafe {
        std::arch::asm!("prefetchw [{0}]", in(reg) at, options(nostack, readonly, preserves_flags));
    }
    #[cfg(all(target_arch = "aarch64", not(miri)))]
    // SAFETY: the instruction is a hint, it never faults and touches no register but its operand.
    unsafe {
        std::arch::asm!("prfm pstl1keep, [{0}]", in(reg) at, options(nostack, readonly, preserves_flags));
    }
    #[cfg(any(miri, not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
    let _ = at;
}

/// The same as [`prefetch`] for an address that need not be valid.
#[inline(always)]
pub(crate) fn prefetch_address(at: *const u8) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    // SAFETY: the instruction is a hint, it never faults; SSE belongs to every x86-64.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(at.cast());
    }
    #[cfg(all(target_arch = "aarch64", not(miri)))]
    // SAFETY: the instruction is a hint, it never faults and touches no register but its operand.
    unsafe {
        std::arch::asm!("prfm pldl1keep, [{0}]", in(reg) at, options(nostack, readonly, preserves_flags));
    }
    #[cfg(any(miri, not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
    let _ = at;
}
