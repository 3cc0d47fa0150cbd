//! Golden scripts in a folder, for all suites that have some.

use std::path::{Path, PathBuf};

use goldenscript::{Runner, generate, run};

/// The scripts of `folder` below a crate's directory, in order; there is at least one.
pub fn scripts(manifest_directory: &str, folder: &str) -> Vec<PathBuf> {
    let files =
        std::fs::read_dir(Path::new(manifest_directory).join(folder)).expect("the crate has the folder");
    let mut scripts: Vec<_> = files.map(|file| file.expect("a file has a name").path()).collect();
    scripts.sort();
    assert!(!scripts.is_empty(), "{folder} has no scripts");
    scripts
}

/// Runs each script with a runner of its own; what it prints must be what is recorded.
pub fn print_what_is_recorded<R: Runner>(scripts: &[PathBuf], runner: impl Fn() -> R) {
    for path in scripts {
        run(&mut runner(), path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
}

/// The same without ever writing a record anew, in so many threads: for runners that wait for the disk.
pub fn print_the_same<R: Runner>(scripts: &[PathBuf], threads: usize, runner: impl Fn() -> R + Sync) {
    let compare = |path: &PathBuf| {
        let recorded = std::fs::read_to_string(path).expect("a script is text");
        let printed = generate(&mut runner(), &recorded);
        let printed = printed.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert_eq!(printed, recorded, "{}", path.display());
    };
    std::thread::scope(|scope| {
        for some in scripts.chunks(scripts.len().div_ceil(threads)) {
            scope.spawn(|| some.iter().for_each(compare));
        }
    });
}
