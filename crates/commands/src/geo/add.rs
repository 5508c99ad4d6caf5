//! GEOADD: members with places.

use super::parse::place;
use crate::sorted_set::add_places;
use crate::{CommandError, Outcome};
use base::double::push_double;
use engine::Edit;
use resp::{Args, Reply};

pub(super) fn geoadd(edit: &mut Edit<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let (mut only_new, mut only_present, mut counts_changed) = (false, false, false);
    let mut first = 2;
    while let Some(word) = args.get(first) {
        if word.eq_ignore_ascii_case(b"nx") {
            only_new = true;
        } else if word.eq_ignore_ascii_case(b"xx") {
            only_present = true;
        } else if word.eq_ignore_ascii_case(b"ch") {
            counts_changed = true;
        } else {
            break;
        }
        first += 1;
    }
    let count = args.len() - first;
    if !count.is_multiple_of(3) || (only_new && only_present) {
        return Err(CommandError::Syntax);
    }
    let mut places = Vec::with_capacity(count / 3);
    let mut rest = args.iter_from(first);
    while let (Some(longitude), Some(latitude), Some(member)) =
        (rest.next(), rest.next(), rest.next())
    {
        places.push((place(longitude, latitude)?.score(), member));
    }
    if places.is_empty() {
        return Err(CommandError::Syntax);
    }
    let options = (only_new, only_present, counts_changed);
    let (count, is_changed) = add_places(edit, &args[1], &places, options)?;
    reply.count(count);
    if is_changed && edit.logs() {
        log_places(edit, args, first, &places);
    }
    Ok(())
}

/// Logs a GEOADD, of which the places begin at `first`, as what it does to the sorted set.
fn log_places(edit: &mut Edit<'_, '_>, args: Args<'_>, first: usize, places: &[(f64, &[u8])]) {
    let mut words = vec![b"ZADD".to_vec()];
    words.extend(args.slice(0..first).iter_from(1).map(<[u8]>::to_vec));
    for (score, member) in places {
        let mut text = Vec::new();
        push_double(&mut text, *score);
        words.extend([text, member.to_vec()]);
    }
    edit.log_words(words.iter().map(Vec::as_slice));
}
