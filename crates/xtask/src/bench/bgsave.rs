//! BGSAVE in the background of a measurement.

use super::control::Control;
use super::peer::Server;
use anyhow::{Context, Result, anyhow, ensure};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How often the server is asked whether it still saves.
const ASK_EVERY: Duration = Duration::from_millis(50);

/// Runs `work` while another thread asks the server for its state and, where `saves`, keeps BGSAVE running; also returns how many were begun.
pub(crate) fn beside<T>(
    server: &Server,
    saves: bool,
    work: impl FnOnce() -> Result<T>,
) -> Result<(T, usize)> {
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let other = scope.spawn(|| repeat(server, saves, &stop));
        let outcome = work();
        stop.store(true, Ordering::Relaxed);
        let begun = other.join().map_err(|_| anyhow!("the thread that saves broke"))?;
        Ok((outcome?, begun.context("BGSAVE")?))
    })
}

fn repeat(server: &Server, saves: bool, stop: &AtomicBool) -> Result<usize> {
    let mut control = server.control()?;
    let mut begun = 0;
    while !stop.load(Ordering::Relaxed) {
        if saves {
            begin(&mut control)?;
            begun += 1;
        }
        // Without saving the server is asked as often: only BGSAVE makes the difference.
        while is_running(&mut control)? {
            std::thread::sleep(ASK_EVERY);
        }
        std::thread::sleep(ASK_EVERY);
    }
    Ok(begun)
}

/// Begins one.
pub(crate) fn begin(control: &mut Control) -> Result<()> {
    let reply = control.ask("BGSAVE")?;
    ensure!(reply == "Background saving started", "BGSAVE is answered with {reply:?}");
    Ok(())
}

/// Whether one runs; an error where the last one has failed.
pub(crate) fn is_running(control: &mut Control) -> Result<bool> {
    let running = control.info_number("persistence", "rdb_bgsave_in_progress")? == 1;
    let status = control.info("persistence", "rdb_last_bgsave_status")?;
    ensure!(status == "ok", "the last BGSAVE: {status}");
    Ok(running)
}
