//! Where the program is.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

/// The binary that serves.
pub fn server() -> PathBuf {
    given("IRORI").unwrap_or_else(|| built().clone())
}

/// The binary that follows: usually the same.
pub fn follower() -> PathBuf {
    given("IRORI_SYNC").or_else(|| given("IRORI")).unwrap_or_else(|| built().clone())
}

fn given(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).map(PathBuf::from)
}

/// Cargo knows whether there is anything to do, and builds once at a time.
fn built() -> &'static PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
        let status = Command::new(cargo).args(["build", "-p", "irori-server"]).status().expect("cargo runs");
        assert!(status.success(), "the server does not build");
        let mut path = std::env::current_exe().expect("a test knows where it is");
        // From target/debug/deps/process-… to target/debug/irori.
        path.pop();
        path.pop();
        path.join("irori")
    })
}
