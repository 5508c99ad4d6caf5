//! `redstart cluster check`: whether the nodes agree, and with `--fix` what to do where they do not.

use std::process::ExitCode;

use super::diagnosis::{self, Finding};
use super::session::{Session, Stop};
use super::survey::{Survey, survey};
use super::{mend, moving};
use crate::client::Address;
use crate::screen::{Paint, plural};

/// Checks, and repairs where that is asked for.
pub(super) fn run(session: &mut Session, entry: &Address, is_fix: bool) -> Result<ExitCode, Stop> {
    let mut survey = survey(session, entry)?;
    let mut errors = tell(session, &survey);
    if is_fix && errors > 0 {
        let repairs = mend::plan(session, &survey)?;
        if repairs.is_empty() {
            session.line("");
            session.line(
                "There is nothing that this tool could repair: look at the nodes named above.",
            );
        } else {
            session.line("");
            session.line("Plan:");
            for repair in &repairs {
                session.line(format!("    {}", repair.text(&survey)));
            }
            if !session.confirm()? {
                return Ok(ExitCode::FAILURE);
            }
            mend::carry_out(session, &survey, &repairs)?;
            moving::await_agreement(session, entry)?;
            survey = self::survey(session, entry)?;
            session.line("");
            errors = tell(session, &survey);
        }
    }
    Ok(if errors == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Tells what is found; the number of errors.
fn tell(session: &mut Session, survey: &Survey) -> usize {
    let found = diagnosis::diagnose(survey);
    let mut errors = 0;
    for finding in &found {
        match finding {
            Finding::Error(text) => {
                errors += 1;
                let word = session.screen.paint(Paint::Bad, "problem:");
                session.line(format!("{word} {text}"));
            }
            Finding::Warning(text) => session.warn(text),
        }
    }
    let nodes = plural(survey.nodes.len(), "node");
    if errors == 0 {
        let word = session.screen.paint(Paint::Good, "healthy:");
        session.line(format!(
            "{word} {nodes} agree, all 16,384 slots are covered and none is half-way"
        ));
    } else {
        session.line(format!("{} in {nodes}", plural(errors, "problem")));
    }
    errors
}
