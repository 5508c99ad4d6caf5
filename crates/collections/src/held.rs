//! Vectors that several may hold, each of which copies what it changes.
//!
//! # Invariants, on which every `unsafe` block below rests
//!
//! 1. Where `holders` is null, the value belongs to this handle alone. Else it points to the count of the handles that have the same bits as value, and
//!    the value belongs to all of them together: the last one drops it, and the count.
//! 2. Only a handle to which the value belongs alone gives it out to be changed.

use crate::Listpack;
use std::collections::VecDeque;
use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

/// What a [`Held`] may hold.
///
/// # Safety
///
/// Two copies of the bits of such a value may be read at a time, as long as neither is changed or dropped: it has no interior mutability, but behind a pointer, and
/// is no `Box`, which may have no copy.
pub unsafe trait Holdable: Clone + Send + Sync {}

// SAFETY: it is a pointer and two numbers; the elements are shared as by any reference.
unsafe impl<T: Clone + Send + Sync> Holdable for Vec<T> {}

// SAFETY: the same.
unsafe impl<T: Clone + Send + Sync> Holdable for VecDeque<T> {}

// SAFETY: it is a vector.
unsafe impl Holdable for Listpack {}

/// A vector that several may hold. A clone takes the same time whatever the length; who changes it copies it first where others hold it, too.
///
/// It is read as fast as the vector itself: what counts the holders stands apart, and only once there was a second one.
pub struct Held<T: Holdable> {
    value: ManuallyDrop<T>,
    holders: AtomicPtr<AtomicUsize>,
}

impl<T: Holdable> Held<T> {
    /// One that is held here alone.
    #[inline]
    #[must_use]
    pub const fn new(value: T) -> Held<T> {
        Held { value: ManuallyDrop::new(value), holders: AtomicPtr::new(ptr::null_mut()) }
    }

    /// The value to be changed, which is copied first where others hold it.
    #[inline]
    pub fn make_mut(&mut self) -> &mut T {
        if !self.holders.get_mut().is_null() {
            self.part();
        }
        &mut self.value
    }

    /// The value, which is copied where others hold it.
    #[must_use]
    pub fn into_inner(mut self) -> T {
        self.make_mut();
        let mut own = ManuallyDrop::new(self);
        // SAFETY: the value belongs to this handle alone (1), which is not dropped.
        unsafe { ManuallyDrop::take(&mut own.value) }
    }

    /// Has the value belong to this handle alone.
    #[cold]
    #[inline(never)]
    fn part(&mut self) {
        let holders = *self.holders.get_mut();
        // SAFETY: the count is there as long as this handle counts (1).
        let is_alone = unsafe { &*holders }.load(Ordering::Acquire) == 1;
        if is_alone {
            // SAFETY: by the count nobody else has it, and nobody can get it from this handle meanwhile, which is borrowed mutably.
            drop(unsafe { Box::from_raw(holders) });
            *self.holders.get_mut() = ptr::null_mut();
        } else {
            let copy = T::clone(&self.value);
            *self = Held::new(copy);
        }
    }

    /// The count of the holders, which begins with this one.
    fn holders(&self) -> *mut AtomicUsize {
        let holders = self.holders.load(Ordering::Acquire);
        if !holders.is_null() {
            return holders;
        }
        let new = Box::into_raw(Box::new(AtomicUsize::new(1)));
        let (success, failure) = (Ordering::AcqRel, Ordering::Acquire);
        match self.holders.compare_exchange(ptr::null_mut(), new, success, failure) {
            Ok(_) => new,
            Err(theirs) => {
                // SAFETY: nobody has seen it.
                drop(unsafe { Box::from_raw(new) });
                theirs
            }
        }
    }
}

impl<T: Holdable> Clone for Held<T> {
    #[inline]
    fn clone(&self) -> Held<T> {
        let holders = self.holders();
        // SAFETY: the count is there as long as this handle counts (1).
        unsafe { &*holders }.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the copy counts as a holder (1); the value may be read in both places, and is changed in neither (2).
        let value = unsafe { ptr::read(&raw const self.value) };
        Held { value, holders: AtomicPtr::new(holders) }
    }
}

impl<T: Holdable> Drop for Held<T> {
    #[inline]
    fn drop(&mut self) {
        let holders = *self.holders.get_mut();
        if !holders.is_null() {
            // SAFETY: the count is there as long as this handle counts (1).
            if unsafe { &*holders }.fetch_sub(1, Ordering::Release) != 1 {
                return;
            }
            // What others have read happened before they let go of it.
            std::sync::atomic::fence(Ordering::Acquire);
            // SAFETY: this was the last one (1).
            drop(unsafe { Box::from_raw(holders) });
        }
        // SAFETY: the value belongs to this handle alone, and is not used afterwards.
        unsafe { ManuallyDrop::drop(&mut self.value) };
    }
}

impl<T: Holdable> Deref for Held<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: Holdable> From<T> for Held<T> {
    #[inline]
    fn from(value: T) -> Held<T> {
        Held::new(value)
    }
}

impl<T: Holdable + Default> Default for Held<T> {
    fn default() -> Held<T> {
        Held::new(T::default())
    }
}

impl<T: Holdable + PartialEq> PartialEq for Held<T> {
    fn eq(&self, other: &Held<T>) -> bool {
        **self == **other
    }
}

impl<T: Holdable + std::fmt::Debug> std::fmt::Debug for Held<T> {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        T::fmt(self, to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn who_changes_it_copies_it_where_others_hold_it() {
        let mut one = Held::new(vec![1, 2, 3]);
        one.make_mut().push(4);
        let mut two = one.clone();
        assert_eq!(one.as_ptr(), two.as_ptr());
        let three = two.clone();
        two.make_mut().push(5);
        assert_eq!(
            (&**one, &**two, &**three),
            (&[1, 2, 3, 4][..], &[1, 2, 3, 4, 5][..], &[1, 2, 3, 4][..])
        );
        drop(three);
        let before = one.as_ptr();
        one.make_mut()[0] = 9;
        assert_eq!(one.as_ptr(), before, "nobody else holds it");
        drop(one);
        assert_eq!(two.into_inner(), [1, 2, 3, 4, 5]);
    }

    #[test]
    fn the_last_one_drops_what_it_holds() {
        let element = Arc::new(());
        let mut one = Held::new(vec![Arc::clone(&element); 3]);
        let two = one.clone();
        assert_eq!(Arc::strong_count(&element), 4);
        one.make_mut().pop();
        assert_eq!(Arc::strong_count(&element), 6);
        drop(one);
        assert_eq!(Arc::strong_count(&element), 4);
        drop(two.clone());
        drop(two);
        assert_eq!(Arc::strong_count(&element), 1);
    }

    #[test]
    fn threads_hold_it_at_once() {
        let shared = Held::new(VecDeque::from(vec![7u64; 1000]));
        std::thread::scope(|scope| {
            for number in 0..8 {
                let shared = &shared;
                scope.spawn(move || {
                    for _ in 0..1000 {
                        let mut own = shared.clone();
                        assert_eq!(own.iter().sum::<u64>(), 7000);
                        own.make_mut()[0] = number;
                        assert_eq!(own.clone().into_inner().iter().sum::<u64>(), 6993 + number);
                    }
                });
            }
        });
        assert_eq!(shared.into_inner(), vec![7; 1000]);
    }
}
