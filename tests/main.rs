//! The tests of the whole: the repository's own rules, transcripts, real processes, real clients.

mod tidy;
