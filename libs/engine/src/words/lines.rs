//! A tokenizer for text that has been split already: one word per line.

use tantivy::tokenizer::{Token, TokenStream, Tokenizer};

/// Every line is a token.
#[derive(Debug, Clone, Default)]
pub(super) struct LineTokenizer {
    token: Token,
}

impl Tokenizer for LineTokenizer {
    type TokenStream<'a> = LineStream<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> LineStream<'a> {
        self.token.reset();
        self.token.position = 0; // positions are not stored; `reset` leaves one that overflows
        LineStream { rest: text, token: &mut self.token }
    }
}

/// The lines of a text, each ended by a line feed.
pub(super) struct LineStream<'a> {
    rest: &'a str,
    token: &'a mut Token,
}

impl TokenStream for LineStream<'_> {
    fn advance(&mut self) -> bool {
        let Some((line, rest)) = self.rest.split_once('\n') else {
            return false;
        };
        self.token.text.clear();
        self.token.text.push_str(line);
        self.rest = rest;
        true
    }

    fn token(&self) -> &Token {
        self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        self.token
    }
}
