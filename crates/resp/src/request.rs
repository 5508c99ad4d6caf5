//! Requests as they are sent.

use base::number::push_u64;

/// Appends a request of these words in wire form.
pub fn push_request<'a>(out: &mut Vec<u8>, words: impl ExactSizeIterator<Item = &'a [u8]>) {
    out.push(b'*');
    push_u64(out, words.len() as u64);
    out.extend_from_slice(b"\r\n");
    for word in words {
        out.push(b'$');
        push_u64(out, word.len() as u64);
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(word);
        out.extend_from_slice(b"\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Decoder, Limits, Requests};

    #[test]
    fn a_request_is_decoded_as_what_it_was() {
        let words = [&b"SET"[..], b"", b"a\r\nb"];
        let mut bytes = Vec::new();
        push_request(&mut bytes, words.into_iter());
        assert_eq!(bytes, b"*3\r\n$3\r\nSET\r\n$0\r\n\r\n$4\r\na\r\nb\r\n");
        let mut requests = Requests::new();
        Decoder::new().decode(&bytes, &Limits::DEFAULT, &mut requests, 2).expect("it is complete");
        assert!(requests.args(0, &bytes).iter_from(0).eq(words));
    }
}
