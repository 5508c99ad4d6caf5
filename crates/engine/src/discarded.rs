//! Values that nobody can reach any more and that take long to free.

use crate::object::Object;
use parking_lot::Mutex;

/// Values to be freed by a thread that has time.
#[derive(Default)]
pub(crate) struct Discarded(Mutex<Vec<Object>>);

impl Discarded {
    pub(crate) fn push(&self, object: Object) {
        self.0.lock().push(object);
    }

    pub(crate) fn pop(&self) -> Option<Object> {
        self.0.lock().pop()
    }
}
