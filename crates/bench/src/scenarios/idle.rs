//! A server with nothing to do: how soon it is there, and how little memory it takes.

use std::path::Path;
use std::time::Duration;

use crate::children::Memory;
use crate::contenders::bulk::{self, Content, Load};
use crate::contenders::server::IroriServer;
use crate::failure::Failure;
use crate::figures::median;
use crate::report::{self, Section};
use crate::setting::Setting;

/// A server is idle when nobody has asked for this long.
const QUIET: Duration = Duration::from_secs(2);
/// Content of each document that fills the large directory. Random, so nothing compresses it.
const LARGE_CONTENT: usize = 16 << 10;
const MEMORY_LIMIT: u64 = 30_000_000;

/// Start-ups on an empty and on a large directory.
pub async fn run(setting: &Setting) -> Result<Section, Failure> {
    let mut section = Section::new("idle", "Start-up and an idle server");
    empty_directory(setting, &mut section)?;
    large_directory(setting, &mut section).await?;
    section.remark(
        "Start-up is from the start of the process to the line that says where the server listens. The directory is \
         in the page cache, as after a restart of the program, not of the machine.",
    );
    Ok(section)
}

fn empty_directory(setting: &Setting, section: &mut Section) -> Result<(), Failure> {
    let mut times = Vec::new();
    let mut resident = Vec::new();
    for _ in 0..setting.rounds {
        let data = setting.directory()?;
        let server = IroriServer::start(&setting.server, data.path())?;
        times.push(server.start_up.as_secs_f64());
        resident.push(idle_memory(&server)?.resident as f64);
        server.stop()?;
    }
    let time = Duration::from_secs_f64(median(times.into_iter()));
    let what = "start-up on an empty directory";
    section.judged(what, report::time(time), "< 50 ms", time < Duration::from_millis(50));
    let resident = median(resident.into_iter()) as u64;
    section.judged(
        "memory of an idle server",
        report::megabytes(resident),
        "< 30 MB",
        resident < MEMORY_LIMIT,
    );
    Ok(())
}

async fn large_directory(setting: &Setting, section: &mut Section) -> Result<(), Failure> {
    let data = setting.directory()?;
    let documents = setting.large_directory / LARGE_CONTENT as u64;
    let load = Load { collection: "large", documents, content: Content::Bytes(LARGE_CONTENT) };
    let server = IroriServer::start(&setting.server, data.path())?;
    let took = bulk::load(server.address, &load).await?;
    let memory = server.memory()?.peak;
    section.line(
        format!("load of {} documents of 16 KiB", report::number(documents as f64)),
        format!("{}, peak memory {}", report::time(took), report::megabytes(memory)),
    );
    // First as after a crash at the end of a load, when the journals are as long as they get.
    server.kill();
    let crashed = start_up(setting, data.path(), section, "killed in the middle of writes")?;
    section.line("stop by SIGTERM after that", report::time(crashed.stop()?));
    let server = start_up(setting, data.path(), section, "stopped in order")?;
    section.line("memory of that server, idle", report::megabytes(idle_memory(&server)?.resident));
    server.stop()?;
    Ok(())
}

fn start_up(
    setting: &Setting,
    data: &Path,
    section: &mut Section,
    after: &str,
) -> Result<IroriServer, Failure> {
    let size = report::number(directory_bytes(data)? as f64 / 1e9);
    let server = IroriServer::start(&setting.server, data)?;
    let what = format!("start-up on {size} GB, after it was {after}");
    let met = server.start_up < Duration::from_secs(2);
    section.judged(what, report::time(server.start_up), "< 2 s", met);
    Ok(server)
}

fn idle_memory(server: &IroriServer) -> Result<Memory, Failure> {
    std::thread::sleep(QUIET);
    server.memory()
}

/// The bytes of all files below a directory.
fn directory_bytes(directory: &Path) -> Result<u64, Failure> {
    let reading = || Failure::doing(format!("read {}", directory.display()));
    let mut bytes = 0;
    for entry in std::fs::read_dir(directory).map_err(reading())? {
        let entry = entry.map_err(reading())?;
        let metadata = entry.metadata().map_err(reading())?;
        bytes += if metadata.is_dir() { directory_bytes(&entry.path())? } else { metadata.len() };
    }
    Ok(bytes)
}
