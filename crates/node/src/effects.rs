//! What commands did to keys, told to those who want to know.

use crate::node::Node;
use engine::Effects;

impl Node {
    /// Tells what was done. Called while the slots of the keys are held, so that what is told of a key comes in the order in which it happened.
    pub(crate) fn tell(&self, effects: &Effects) {
        for event in &effects.events {
            self.channels.announce(event);
        }
    }
}
