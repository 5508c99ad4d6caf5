//! Values that several may hold, each of which copies what it changes: who freezes a large value holds it beside its owner for a while.
//!
//! [`Arc`] as it is would do, but that its `get_mut` locks out weak references with two atomic operations. There are none here, so a load tells
//! whether a value is held alone, and a change of one that was never shared costs no more than that.

use std::sync::Arc;
use std::sync::atomic::{Ordering::Acquire, fence};

/// The value, where nobody else holds it. There must be no weak reference to it.
#[inline]
pub(crate) fn alone<T: ?Sized>(shared: &mut Arc<T>) -> Option<&mut T> {
    debug_assert_eq!(Arc::weak_count(shared), 0);
    if Arc::strong_count(shared) != 1 {
        return None;
    }
    // What others have read happened before they let go of it.
    fence(Acquire);
    // SAFETY: this is the only reference, and it is borrowed mutably. No other can be made meanwhile: not from it, for it is borrowed, and
    // not from a weak one, for there is none.
    Some(unsafe { &mut *Arc::as_ptr(shared).cast_mut() })
}

/// The elements to be changed, which are copied first where others hold them.
#[inline]
pub(crate) fn slice_mut<T: Clone>(shared: &mut Arc<[T]>) -> &mut [T] {
    if Arc::strong_count(shared) != 1 {
        copy(shared);
    }
    alone(shared).expect("it was copied where others hold it")
}

#[cold]
#[inline(never)]
fn copy<T: Clone>(shared: &mut Arc<[T]>) {
    *shared = shared.iter().cloned().collect();
}

/// Bytes of these parts, one behind the other.
pub(crate) fn concat(parts: &[&[u8]]) -> Arc<[u8]> {
    let mut bytes = Arc::new_uninit_slice(parts.iter().map(|part| part.len()).sum());
    let mut rest = alone(&mut bytes).expect("it is new");
    for part in parts {
        let (place, behind) = rest.split_at_mut(part.len());
        place.write_copy_of_slice(part);
        rest = behind;
    }
    // SAFETY: the parts have the length of the whole together, and all of them were written.
    unsafe { bytes.assume_init() }
}

/// The value to be changed, which is copied first where others hold it.
#[inline]
pub(crate) fn value_mut<T: Clone>(shared: &mut Arc<T>) -> &mut T {
    if Arc::strong_count(shared) != 1 {
        *shared = Arc::new(T::clone(shared));
    }
    alone(shared).expect("it was copied where others hold it")
}
