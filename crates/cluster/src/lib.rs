//! The cluster bus and its logic.
pub mod limits;
mod bitmap;
pub mod wire;
pub use bitmap::{SLOT_BITMAP_BYTES, SlotBitmap, SlotBits};
