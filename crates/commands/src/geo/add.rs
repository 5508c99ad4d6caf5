//! GEOADD: members with places.

use super::parse::place;
use crate::sorted_set::add_places;
use crate::{CommandError, Outcome};
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
    reply.count(add_places(edit, &args[1], &places, options)?);
    Ok(())
}
