//! Kinds and names as ids of document paths, in the same order.
//!
//! An id of a path holds no `/`, and one like `__id7__` is a number. Kinds and names may hold any character, so:
//!
//! - `/` is written as `.` MAX 2, where MAX is the last character of Unicode and 2 the character of that number;
//!   a MAX that follows a `.` is written as MAX 1. So it sorts between everything that begins with `.` and `0`.
//! - a name that would be a number, or is one with NULs behind it, gets one NUL more.
//!
//! All others stand as they are, and the images of two names sort as the names do.

use std::borrow::Cow;

use crate::path::Segment;

const MAX: char = '\u{10ffff}';
const FIRST_OF_MAX: u8 = 0xf4;
const WAS_MAX: char = '\u{1}';
const WAS_SLASH: char = '\u{2}';

/// The id that stands for `name`.
pub(super) fn escape(name: &str) -> Cow<'_, str> {
    if !name.contains('/') && !has_mark(name) {
        return match is_number_with_nuls(name) {
            true => Cow::Owned(format!("{name}\0")),
            false => Cow::Borrowed(name),
        };
    }
    let mut id = String::with_capacity(name.len() + 16);
    let mut after_dot = false;
    for c in name.chars() {
        match c {
            '/' => id.extend(['.', MAX, WAS_SLASH]),
            MAX if after_dot => id.extend([MAX, WAS_MAX]),
            c => id.push(c),
        }
        after_dot = c == '.';
    }
    Cow::Owned(id)
}

/// The name that `id` stands for; None if it stands for none.
pub(super) fn unescape(id: &str) -> Option<Cow<'_, str>> {
    if !has_mark(id) {
        return match is_number_with_nuls(id) {
            true => id.strip_suffix('\0').map(Cow::Borrowed),
            false => Some(Cow::Borrowed(id)),
        };
    }
    let mut name = String::with_capacity(id.len());
    let mut chars = id.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '.' || chars.peek() != Some(&MAX) {
            name.push(c);
            continue;
        }
        chars.next();
        match chars.next()? {
            WAS_MAX => name.extend(['.', MAX]),
            WAS_SLASH => name.push('/'),
            _ => return None,
        }
    }
    Some(Cow::Owned(name))
}

/// True when every id in a path stands for itself: looked for in all of them at once.
pub(super) fn is_plain(path: &str) -> bool {
    !path.as_bytes().contains(&FIRST_OF_MAX) && !path.contains("__id")
}

/// True when MAX follows a `.` somewhere. Hardly any text has the byte that MAX begins with.
fn has_mark(text: &str) -> bool {
    text.as_bytes().contains(&FIRST_OF_MAX) && text.contains(".\u{10ffff}")
}

fn is_number_with_nuls(name: &str) -> bool {
    name.starts_with("__id") && matches!(Segment::parse(name.trim_end_matches('\0')), Segment::Id(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_differ_sort_as_their_names_and_lead_back() {
        let names = [
            "\0",
            "-",
            ".",
            ".\u{1}",
            "..",
            "./",
            "./.",
            ".\u{10ffff}",
            ".\u{10ffff}\u{1}",
            ".\u{10ffff}\u{10ffff}",
            "/",
            "/.",
            "//",
            "/a",
            "/\u{10ffff}",
            "0",
            "__id",
            "__id5__",
            "__id5__\0",
            "__id5__\0\0",
            "__id5__\0\u{1}",
            "__id5__a",
            "__id5_a",
            "a",
            "a.b/c",
            "a/",
            "a/b",
            "\u{10ffff}",
        ];
        let mut sorted = names;
        sorted.sort_unstable();
        assert_eq!(names, sorted);
        let images = names.map(|name| escape(name).into_owned());
        assert!(images.windows(2).all(|pair| pair[0] < pair[1]), "{images:?}");
        for (name, image) in names.iter().zip(&images) {
            assert_eq!(unescape(image).as_deref(), Some(*name));
            assert!(!image.contains('/') && matches!(Segment::parse(image), Segment::Name(_)), "{image:?}");
        }
        assert_eq!(unescape(".\u{10ffff}"), None);
        assert_eq!(unescape(".\u{10ffff}x"), None);
    }
}
