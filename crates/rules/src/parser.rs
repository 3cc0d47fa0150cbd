//! Tokens to a tree, by recursive descent: a function for each rule of the grammar, its smallest example above it.
//!
//! The structure of a file is read here, expressions in [`expression`], paths in [`path`]. A mistake is noted and
//! reading goes on with the next statement, so that one run lists several.

mod expression;
mod path;

use std::sync::Arc;

use crate::issue::{Issue, Lines, Span};
use crate::lexer::{LexError, Lexer, Token, TokenKind};
use crate::limits::{MAX_ALL_REGEX_BYTES, MAX_ISSUES, MAX_MATCH_DEPTH, MAX_PARAMETERS};
use crate::syntax::{Allow, Block, Function, FunctionId, Item, Match, Name, Service, Tree, Version};

/// A statement cannot be read; the complaint is noted already.
#[derive(Debug)]
struct Broken;

type Parsed<T> = Result<T, Broken>;

/// Reads a file of legal size.
///
/// # Errors
/// All that is wrong with its form.
pub(crate) fn parse(lines: &Lines) -> Result<Tree, Vec<Issue>> {
    let mut parser = Parser::new(lines);
    let tree = parser.file();
    match tree {
        Ok(tree) if parser.issues.is_empty() => Ok(tree),
        Ok(_) | Err(Broken) => Err(parser.issues),
    }
}

struct Parser<'s> {
    lines: &'s Lines,
    lexer: Lexer<'s>,
    peeked: Option<Token<'s>>,
    /// Of the token that was taken last.
    last: Span,
    issues: Vec<Issue>,
    functions: Vec<Function>,
    expressions: u32,
    /// Expressions that are being read around the next token.
    nesting: u16,
    /// Braces that are open.
    braces: usize,
    /// Wildcards of the blocks around.
    captures: usize,
    version: Version,
    /// Bytes that regular expressions may still take.
    regex_bytes: usize,
}

impl<'s> Parser<'s> {
    fn new(lines: &'s Lines) -> Self {
        Parser {
            lines,
            lexer: Lexer::new(lines.source()),
            peeked: None,
            last: Span::default(),
            issues: Vec::new(),
            functions: Vec::new(),
            expressions: 0,
            nesting: 0,
            braces: 0,
            captures: 0,
            version: Version::One,
            regex_bytes: MAX_ALL_REGEX_BYTES,
        }
    }

    /// `rules_version = '2'; service cloud.firestore { … }`
    fn file(&mut self) -> Parsed<Tree> {
        if self.take_word("rules_version")? {
            self.version = self.rules_version()?;
        }
        let mut services = Vec::new();
        while self.peek()?.kind != TokenKind::End {
            services.push(self.service()?);
        }
        if services.is_empty() {
            let at = self.peek()?.span;
            return self.fail(at, "There is no service. Write 'service cloud.firestore { … }'.");
        }
        let functions = std::mem::take(&mut self.functions);
        Ok(Tree { version: self.version, services, functions })
    }

    /// `= '2';`
    fn rules_version(&mut self) -> Parsed<Version> {
        self.expect("=")?;
        let token = self.advance()?;
        let version = match &token.kind {
            TokenKind::Text(text) if text == "1" => Version::One,
            TokenKind::Text(text) if text == "2" => Version::Two,
            _ => return self.fail(token.span, "Invalid rules version. Write '1' or '2'."),
        };
        self.take(";")?;
        Ok(version)
    }

    /// `service cloud.firestore { … }`
    fn service(&mut self) -> Parsed<Service> {
        let token = self.advance()?;
        if token.kind != TokenKind::Word("service") {
            return self.unexpected(&token, "'service'");
        }
        let mut name = self.name()?.0.to_string();
        while self.take(".")? {
            name.push('.');
            name.push_str(&self.name()?.0);
        }
        self.expect("{")?;
        let block = self.block(0)?;
        Ok(Service { name, block })
    }

    /// `match /a { … } function f() { … } allow read; }`, behind the opening brace. `depth` counts the matches around.
    fn block(&mut self, depth: usize) -> Parsed<Block> {
        let mut block = Block::default();
        let (captures, around) = (self.captures, self.braces);
        loop {
            let token = self.peek()?.clone();
            let statement = match token.kind {
                TokenKind::Punctuation("}") => {
                    self.advance()?;
                    return Ok(block);
                }
                TokenKind::Word("match") => {
                    self.match_block(depth).map(|found| block.items.push(Item::Match(found)))
                }
                TokenKind::Word("function") => self.function().map(|id| block.functions.push(id)),
                TokenKind::Word("allow") if depth > 0 => {
                    self.allow().map(|found| block.items.push(Item::Allow(found)))
                }
                TokenKind::Word("allow") => self.fail(token.span, "'allow' must stand within a 'match'."),
                TokenKind::Punctuation("/") => self.fail(token.span, "Missing 'match' keyword before path."),
                TokenKind::End => return self.fail(token.span, "Missing '}' at the end of a block."),
                _ => self.unexpected(&token, "'match', 'allow', 'function' or '}'"),
            };
            if let Err(Broken) = statement {
                self.captures = captures;
                self.recover(token.span, around)?;
            }
        }
    }

    /// Skips to the next statement or the end of the block, over all braces that the broken statement opened or would
    /// have, and at least over the token that it began with. `around` counts the braces that are open around it.
    fn recover(&mut self, broken: Span, around: usize) -> Parsed<()> {
        self.nesting = 0;
        if self.issues.len() >= MAX_ISSUES {
            return Err(Broken);
        }
        // Of each open brace, whether it is one of a wildcard.
        let mut open = vec![false; self.braces.saturating_sub(around)];
        let mut after_slash = false;
        loop {
            let Ok(token) = self.lex() else { continue };
            let progress = token.span.start > broken.start;
            match token.kind {
                TokenKind::End => return Err(Broken),
                TokenKind::Punctuation("{") => open.push(after_slash),
                TokenKind::Punctuation("}") if !open.is_empty() => {
                    let wildcard = open.pop().unwrap_or_default();
                    if open.is_empty() && !wildcard {
                        break;
                    }
                }
                TokenKind::Word("match" | "function" | "allow") | TokenKind::Punctuation("}")
                    if open.is_empty() && progress =>
                {
                    self.peeked = Some(token);
                    break;
                }
                _ => {}
            }
            after_slash = token.kind == TokenKind::Punctuation("/");
        }
        self.braces = around;
        Ok(())
    }

    /// `match /a/{b} { … }`
    fn match_block(&mut self, depth: usize) -> Parsed<Match> {
        let keyword = self.advance()?.span;
        if depth > MAX_MATCH_DEPTH {
            let text = format!(
                "'match' is nested too deeply: {MAX_MATCH_DEPTH} below the outermost one are possible."
            );
            return self.fail(keyword, text);
        }
        let around = self.captures;
        let (pattern, span) = self.pattern()?;
        let block = self.expect("{").and_then(|()| self.block(depth + 1));
        self.captures = around;
        Ok(Match { pattern, block: block?, span })
    }

    /// `allow read, write: if a;`
    fn allow(&mut self) -> Parsed<Allow> {
        let start = self.advance()?.span;
        let mut methods = vec![self.method_name()?];
        while self.take(",")? {
            methods.push(self.method_name()?);
        }
        let mut condition = None;
        if self.take(":")? {
            let keyword = self.advance()?;
            if keyword.kind != TokenKind::Word("if") {
                return self.unexpected(&keyword, "'if' and a condition");
            }
            let next = self.peek()?;
            if matches!(next.kind, TokenKind::Punctuation(";" | "}")) {
                return self.fail(keyword.span, "Missing conditional expression after 'if'.");
            }
            condition = Some(self.expression()?);
        }
        let span = start.to(self.last);
        self.end_of_statement()?;
        Ok(Allow { methods, condition, span })
    }

    fn method_name(&mut self) -> Parsed<(String, Span)> {
        let (name, span) = self.name()?;
        Ok((name.to_string(), span))
    }

    /// `function f(a) { let b = a; return b; }`
    fn function(&mut self) -> Parsed<FunctionId> {
        self.advance()?;
        let (name, span) = self.name()?;
        let parameters = self.parameters()?;
        self.expect("{")?;
        let mut bindings = Vec::new();
        while self.take_word("let")? {
            let (name, _) = self.name()?;
            self.expect("=")?;
            bindings.push((name, self.expression()?));
            self.expect(";")?;
        }
        let keyword = self.advance()?;
        if keyword.kind != TokenKind::Word("return") {
            return self.unexpected(&keyword, "'let' or 'return'");
        }
        let result = self.expression()?;
        self.take(";")?;
        self.expect("}")?;
        self.functions.push(Function { name, parameters, bindings, result, span, captures: self.captures });
        Ok(self.functions.len() - 1)
    }

    /// `(a, b)`
    fn parameters(&mut self) -> Parsed<Vec<(Name, Span)>> {
        self.expect("(")?;
        let mut parameters = Vec::new();
        while !self.take(")")? {
            if !parameters.is_empty() {
                self.expect(",")?;
            }
            parameters.push(self.name()?);
            if parameters.len() > MAX_PARAMETERS {
                let text =
                    format!("A function takes at most {MAX_PARAMETERS} parameters. Pass a map instead.");
                return self.fail(self.last, text);
            }
        }
        Ok(parameters)
    }

    /// A semicolon, which may lack.
    fn end_of_statement(&mut self) -> Parsed<()> {
        if self.take(";")? {
            return Ok(());
        }
        let next = self.peek()?.clone();
        match next.kind {
            TokenKind::Word("match" | "function" | "allow")
            | TokenKind::Punctuation("}" | "/")
            | TokenKind::End => Ok(()),
            _ => self.unexpected(&next, "';'"),
        }
    }

    fn name(&mut self) -> Parsed<(Name, Span)> {
        let token = self.advance()?;
        match token.kind {
            TokenKind::Word(word) if !is_reserved(word) => Ok((Arc::from(word), token.span)),
            TokenKind::Word(word) => {
                self.fail(token.span, format!("'{word}' is a word of the language and cannot be a name."))
            }
            _ => self.unexpected(&token, "a name"),
        }
    }

    fn peek(&mut self) -> Parsed<&Token<'s>> {
        if self.peeked.is_none() {
            let token = match self.lex() {
                Ok(token) => token,
                Err(LexError { span, message }) => return self.fail(span, message),
            };
            self.peeked = Some(token);
        }
        self.peeked.as_ref().ok_or(Broken)
    }

    /// The next token, without noting what is wrong with it.
    fn lex(&mut self) -> Result<Token<'s>, LexError> {
        self.peeked.take().map_or_else(|| self.lexer.next(), Ok)
    }

    fn advance(&mut self) -> Parsed<Token<'s>> {
        self.peek()?;
        let token = self.peeked.take().ok_or(Broken)?;
        self.last = token.span;
        match token.kind {
            TokenKind::Punctuation("{") => self.braces += 1,
            TokenKind::Punctuation("}") => self.braces = self.braces.saturating_sub(1),
            _ => {}
        }
        Ok(token)
    }

    fn at(&mut self, sign: &str) -> Parsed<bool> {
        Ok(matches!(self.peek()?.kind, TokenKind::Punctuation(next) if next == sign))
    }

    fn take(&mut self, sign: &str) -> Parsed<bool> {
        let found = self.at(sign)?;
        if found {
            self.advance()?;
        }
        Ok(found)
    }

    fn take_word(&mut self, word: &str) -> Parsed<bool> {
        let found = self.peek()?.kind == TokenKind::Word(word);
        if found {
            self.advance()?;
        }
        Ok(found)
    }

    fn expect(&mut self, sign: &str) -> Parsed<()> {
        if self.take(sign)? {
            return Ok(());
        }
        let token = self.peek()?.clone();
        self.unexpected(&token, &format!("'{sign}'"))
    }

    fn unexpected<T>(&mut self, token: &Token, expected: &str) -> Parsed<T> {
        let source = self.lines.source();
        let text = source.get(token.span.start as usize..token.span.end as usize).unwrap_or_default();
        let found = match token.kind {
            TokenKind::End => "Unexpected end of the file".to_owned(),
            _ => format!("Unexpected '{}'", text.chars().take(40).collect::<String>()),
        };
        self.fail(token.span, format!("{found}. Expected {expected}."))
    }

    fn fail<T>(&mut self, span: Span, message: impl Into<String>) -> Parsed<T> {
        self.issues.push(self.lines.error(span, message));
        Err(Broken)
    }
}

/// Words that cannot be names of variables and functions.
fn is_reserved(word: &str) -> bool {
    matches!(
        word,
        "true" | "false" | "null" | "in" | "is" | "let" | "return" | "if" | "function" | "match" | "allow"
    )
}
