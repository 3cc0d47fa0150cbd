//! Regular expressions with RE2's syntax, in linear time.
//!
//! The engine's own syntax differs from RE2's in a few places: classes like `\d` are ASCII in RE2, octal escapes and
//! `\Q…\E` are known, and within brackets `&`, `~` and `[` mean themselves. [`translate`] turns the one into the other.

use std::fmt;

use regex_automata::Input;
use regex_automata::meta::{BuildError, Config, Regex};
use regex_automata::util::{captures::Captures, syntax};

use crate::budget::Budget;
use crate::fault::{Exhausted, Fault};

/// What an expression is compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To match a whole text.
    Whole,
    /// To be found in a text.
    Search,
}

/// A compiled expression.
pub(crate) struct Pattern {
    source: Box<str>,
    purpose: Purpose,
    regex: Regex,
    /// Bytes of the longest match.
    reach: usize,
}

impl Purpose {
    /// What a method needs its first argument for, if that is a regular expression.
    pub fn of_method(name: &str) -> Option<Self> {
        match name {
            "matches" => Some(Purpose::Whole),
            "replace" | "split" => Some(Purpose::Search),
            _ => None,
        }
    }
}

impl Pattern {
    /// Compiles an expression into an automaton of at most `limit` bytes.
    ///
    /// # Errors
    /// What is wrong, without a full stop.
    pub fn compile(source: &str, purpose: Purpose, limit: usize) -> Result<Self, String> {
        let translated = translate(source)?;
        // On its own first: `a)(b` must not become legal by the parentheses that come around it.
        let wrong = |error: &dyn fmt::Display| {
            let text = error.to_string();
            let last = text.lines().last().unwrap_or_default();
            last.trim_start_matches("error: ").to_owned()
        };
        let parsed = syntax::parse(&translated).map_err(|error| wrong(&error))?;
        let config = Config::new().nfa_size_limit(Some(limit)).hybrid_cache_capacity(limit);
        let mut builder = Regex::builder();
        builder.configure(config);
        let built = match purpose {
            Purpose::Whole => builder.build(&format!(r"\A(?:{translated})\z")),
            Purpose::Search => builder.build_from_hir(&parsed),
        };
        let regex = built.map_err(|error: BuildError| match error.size_limit() {
            Some(limit) => format!("it needs an automaton of more than {limit} bytes"),
            None => wrong(&error),
        })?;
        let reach = parsed.properties().maximum_len().unwrap_or(usize::MAX);
        Ok(Pattern { source: source.into(), purpose, regex, reach })
    }

    pub fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// Bytes of the automaton.
    pub fn size(&self) -> usize {
        self.regex.memory_usage()
    }

    /// Pays for stepping over so many bytes of a text.
    fn pay(&self, bytes: usize, budget: &mut Budget) -> Result<(), Fault> {
        /// A simulation steps through this much of an automaton in about the time a unit takes.
        const BYTES_PER_UNIT: u64 = 2_048;
        budget.work((bytes as u64 + 1).saturating_mul(1 + self.size() as u64 / BYTES_PER_UNIT))
    }

    /// True when the text matches. For [`Purpose::Whole`] that means: from its first to its last character.
    pub fn is_match(&self, text: &str, budget: &mut Budget) -> Result<bool, Fault> {
        self.pay(text.len(), budget)?;
        Ok(self.regex.is_match(Input::new(text)))
    }

    /// The pieces between what is found.
    pub fn split<'t>(&self, text: &'t str, budget: &mut Budget) -> Result<Vec<&'t str>, Fault> {
        self.pay(text.len(), budget)?;
        let mut pieces = Vec::new();
        let mut start = 0;
        for found in self.regex.find_iter(text) {
            self.pay_for_next(text.len() - found.end(), budget)?;
            pieces.push(&text[start..found.start()]);
            start = found.end();
        }
        pieces.push(&text[start..]);
        Ok(pieces)
    }

    /// The text with all that is found replaced; `$0` to `$9` stand for groups.
    pub fn replace(&self, text: &str, by: &str, budget: &mut Budget) -> Result<String, Fault> {
        self.pay(text.len(), budget)?;
        let mut replaced = Bounded { text: String::new(), limit: budget.left() };
        let mut start = 0;
        for captures in self.regex.captures_iter(text) {
            let Some(found) = captures.get_match() else { break };
            self.pay_for_next(text.len() - found.end(), budget)?;
            let between = &text[start..found.start()];
            replaced.push(between).and_then(|()| replaced.expand(by, text, &captures)).ok_or(TOO_LONG)?;
            start = found.end();
        }
        replaced.push(&text[start..]).ok_or(TOO_LONG)?;
        budget.work(replaced.text.len() as u64)?;
        Ok(replaced.text)
    }

    /// Pays for looking for the next match in what is left. One of `a*b|a` steps to the end of the text to find out that
    /// there is no `b`, and the next one does so again.
    fn pay_for_next(&self, left: usize, budget: &mut Budget) -> Result<(), Fault> {
        self.pay(left.min(self.reach), budget)
    }
}

/// A result that would be longer than what is left to spend.
const TOO_LONG: Fault = Fault::Exhausted(Exhausted::Work);

/// A text that does not grow beyond a limit: a template can repeat a long group many times.
struct Bounded {
    text: String,
    limit: usize,
}

impl Bounded {
    fn push(&mut self, piece: &str) -> Option<()> {
        if self.text.len() + piece.len() > self.limit {
            return None;
        }
        self.text.push_str(piece);
        Some(())
    }

    fn expand(&mut self, template: &str, text: &str, captures: &Captures) -> Option<()> {
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('$') {
            self.push(before)?;
            rest = match after.bytes().next().filter(u8::is_ascii_digit) {
                Some(digit) => {
                    let group = captures.get_group(usize::from(digit - b'0'));
                    self.push(group.map_or("", |group| &text[group.range()]))?;
                    &after[1..]
                }
                None => {
                    self.push("$")?;
                    after
                }
            };
        }
        self.push(rest)
    }
}

/// RE2's syntax in the engine's.
fn translate(source: &str) -> Result<String, String> {
    let mut out = String::with_capacity(source.len() + 8);
    let mut rest = source;
    // Within brackets; true when there is something in them, so that `]` ends them.
    let mut class: Option<bool> = None;
    while let Some(next) = rest.chars().next() {
        rest = &rest[next.len_utf8()..];
        let mut opened = false;
        match (next, class) {
            ('\\', _) => rest = escape(&mut out, rest, class.is_some())?,
            ('[', None) => {
                out.push('[');
                if let Some(after) = rest.strip_prefix('^') {
                    out.push('^');
                    rest = after;
                }
                opened = true;
            }
            (']', Some(true)) => {
                out.push(']');
                class = None;
                continue;
            }
            ('[', Some(_)) if rest.starts_with(':') && rest.contains(":]") => {
                let end = rest.find(":]").map_or(0, |at| at + 2);
                out.push('[');
                out.push_str(&rest[..end]);
                rest = &rest[end..];
            }
            ('[' | ']' | '&' | '~', Some(_)) => out.extend(['\\', next]),
            _ => out.push(next),
        }
        class = if opened { Some(false) } else { class.map(|_| true) };
    }
    Ok(out)
}

/// Translates what follows a backslash and answers what is left.
fn escape<'s>(out: &mut String, rest: &'s str, in_class: bool) -> Result<&'s str, String> {
    let Some(letter) = rest.chars().next() else {
        return Err("it ends with a backslash".to_owned());
    };
    let after = &rest[letter.len_utf8()..];
    let octal = rest.bytes().take(3).take_while(|byte| (b'0'..=b'7').contains(byte)).count();
    let class = match letter {
        'd' => "[0-9]",
        'D' => "[^0-9]",
        'w' => "[0-9A-Za-z_]",
        'W' => "[^0-9A-Za-z_]",
        's' => r"[\t\n\f\r ]",
        'S' => r"[^\t\n\f\r ]",
        'b' if !in_class => r"(?-u:\b)",
        'Q' if !in_class => {
            let (literal, after) = after.split_once(r"\E").unwrap_or((after, ""));
            for character in literal.chars() {
                if character.is_ascii_punctuation() {
                    out.push('\\');
                }
                out.push(character);
            }
            return Ok(after);
        }
        // A single digit other than 0 is a backreference, which no linear engine has.
        '0' => return Ok(push_octal(out, rest, octal)),
        '1'..='7' if octal > 1 => return Ok(push_octal(out, rest, octal)),
        '1'..='9' => return Err(format!("backreferences like \\{letter} are not supported")),
        '<' | '>' => return Err(format!("invalid escape \\{letter}")),
        _ => {
            out.extend(['\\', letter]);
            return Ok(after);
        }
    };
    out.push_str(class);
    Ok(after)
}

fn push_octal<'s>(out: &mut String, rest: &'s str, digits: usize) -> &'s str {
    let code = u32::from_str_radix(&rest[..digits], 8).expect("one to three octal digits");
    out.push_str(&format!("\\x{{{code:X}}}"));
    &rest[digits..]
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}/", self.source)
    }
}
