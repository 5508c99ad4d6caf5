//! Things by number: what refers to another does it in four bytes.

/// Boxes with numbers; the number of one that went is given again.
#[derive(Debug)]
pub(super) struct Arena<T: ?Sized> {
    boxes: Vec<Option<Box<T>>>,
    free: Vec<u32>,
}

impl<T: ?Sized> Arena<T> {
    pub(super) const fn new() -> Arena<T> {
        Arena { boxes: Vec::new(), free: Vec::new() }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.boxes.len() - self.free.len()
    }

    /// The memory of the numbering itself, without what the boxes hold.
    pub(super) fn heap_bytes(&self) -> usize {
        self.boxes.capacity() * size_of::<Option<Box<T>>>()
            + self.free.capacity() * size_of::<u32>()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.boxes.iter().flatten().map(|one| &**one)
    }

    pub(super) fn add(&mut self, value: Box<T>) -> u32 {
        if let Some(number) = self.free.pop() {
            self.boxes[number as usize] = Some(value);
            return number;
        }
        let number = u32::try_from(self.boxes.len()).expect("memory ends before the numbers do");
        self.boxes.push(Some(value));
        number
    }

    pub(super) fn remove(&mut self, number: u32) -> Box<T> {
        self.free.push(number);
        self.boxes[number as usize].take().expect("what is removed is there")
    }

    #[inline]
    pub(super) fn at(&self, number: u32) -> &T {
        self.boxes[number as usize].as_deref().expect("a number refers to what is there")
    }

    #[inline]
    pub(super) fn at_mut(&mut self, number: u32) -> &mut T {
        self.boxes[number as usize].as_deref_mut().expect("a number refers to what is there")
    }
}

// A derived one would ask that what is in the boxes is `Clone`, which bytes are not.
impl<T: ?Sized> Clone for Arena<T>
where
    Box<T>: Clone,
{
    fn clone(&self) -> Arena<T> {
        Arena { boxes: self.boxes.clone(), free: self.free.clone() }
    }
}
