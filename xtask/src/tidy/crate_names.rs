//! Crates are named after what they are; a crate for everything else grows for ever.

use crate::workspace::Package;

const FORBIDDEN: &[&str] = &["utils", "util", "common", "helpers", "helper", "misc"];

pub fn check(packages: &[Package], complaints: &mut Vec<String>) {
    for package in packages {
        if let Some(word) = package.name.split(['-', '_']).find(|word| FORBIDDEN.contains(word)) {
            complaints.push(format!("the crate `{}` is named `{word}`: name what it is", package.name));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drawer_for_everything_is_a_complaint() {
        let json = r#"[{"name": "irori-common", "dependencies": []}, {"name": "irori-commonplace", "dependencies": []}]"#;
        let packages: Vec<Package> = serde_json::from_str(json).unwrap();
        let mut complaints = Vec::new();
        check(&packages, &mut complaints);
        assert_eq!(complaints.len(), 1);
    }
}
