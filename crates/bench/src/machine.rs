//! What a run was made on, for those who read its figures later.

use crate::failure::Failure;

/// One sentence: sizes of the run, processor, how busy the machine was before it began.
pub fn describe(quick: bool) -> Result<String, Failure> {
    let read = |path: &str| std::fs::read_to_string(path).map_err(Failure::doing(format!("read {path}")));
    let processors = read("/proc/cpuinfo")?;
    let model = processors.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let count = processors.lines().filter(|line| line.starts_with("processor")).count();
    let load = read("/proc/loadavg")?;
    let busy = load.split(' ').next().unwrap_or_default();
    let sizes = if quick { "Quick sizes" } else { "Full sizes" };
    let (_, model) = model.unwrap_or(("", "unknown processor"));
    Ok(format!("*{sizes}; {count} × {model}; load average before the run {busy}.*"))
}
