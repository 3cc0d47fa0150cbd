//! Every limit of the language in one place, each with its source.
//!
//! "Production" are recorded answers of production; where documentation says otherwise, the recording won.

/// Bytes of a source file (documented; production refuses 256 KiB and 64 bytes).
pub const MAX_SOURCE_BYTES: usize = 256 * 1024;
/// `match` blocks nested below the outermost one (production: 10 compile, 11 do not).
pub const MAX_MATCH_DEPTH: usize = 10;
/// Wildcards on the way from a service to an `allow` (production: 21 are refused).
pub const MAX_CAPTURES: usize = 20;
/// Segments on the way from a service to an `allow` (documented).
pub const MAX_PATH_SEGMENTS: usize = 100;
/// Parameters of a function (production: 8 are refused).
pub const MAX_PARAMETERS: usize = 7;
/// `let` bindings of a function (documented: 10; production compiles 11 and refuses 20).
pub const MAX_BINDINGS: usize = 19;
/// Functions that wait for each other at run time (production: a chain of 20 works).
pub const MAX_CALL_DEPTH: usize = 20;
/// Operators nested in one expression (production refuses 99). Chains of `&&` and `||` are flat.
pub const MAX_EXPRESSION_DEPTH: usize = 98;
/// Expressions, over all functions that are waiting, that wait for the value of one inside them. Ours: a decision must
/// fit the stack of any thread.
pub const MAX_EVALUATION_DEPTH: usize = 250;
/// Expressions that one decision evaluates (production: 1,000).
pub const MAX_EXPRESSIONS: u32 = 1_000;
/// Different documents that the rules of one read or write of a document look up (production).
pub const MAX_ACCESSES_PER_DOCUMENT: usize = 10;
/// Different documents that the rules of one query look up (production: 20, though 10 are documented).
pub const MAX_ACCESSES_PER_QUERY: usize = 20;
/// Different documents that the rules of one commit or batch look up, all together (production).
pub const MAX_ACCESSES_PER_BATCH: usize = 20;

/// Complaints that one compilation lists; more would repeat themselves.
pub const MAX_ISSUES: usize = 50;
/// Work of one decision in bytes that are looked at or made: the language's clock, which does not depend on a machine.
/// It also bounds the memory that a decision can take.
pub const MAX_WORK: u64 = 64 * 1024 * 1024;
/// Steps in finding the `match` blocks of a path; only several `{x=**}` below each other need many.
pub const MAX_MATCH_STEPS: u32 = 200_000;
/// Reasons that a denial lists.
pub const MAX_REASONS: usize = 50;
/// Bytes of a regular expression's automaton; RE2 refuses by a budget as well.
pub const MAX_REGEX_BYTES: usize = 2 * 1024 * 1024;
/// Bytes of all automata of one ruleset.
pub const MAX_ALL_REGEX_BYTES: usize = 32 * 1024 * 1024;
/// Bytes of the automaton of a regular expression that is made at run time.
pub const MAX_DYNAMIC_REGEX_BYTES: usize = 256 * 1024;
/// Bytes of the source of a regular expression that is made at run time.
pub const MAX_DYNAMIC_REGEX_SOURCE: usize = 1_024;
/// Disjuncts of a query that is proved; the same bound that queries have.
pub const MAX_DISJUNCTS: usize = model::limits::MAX_DISJUNCTIONS;
/// Different values that coverage keeps of one expression.
pub const MAX_COVERED_VALUES: usize = 16;
/// Bytes up to which coverage keeps a value itself.
pub const MAX_COVERED_VALUE_BYTES: u64 = 4_096;
