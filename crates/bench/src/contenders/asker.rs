//! A client that puts one kind of question over and over, and counts what comes back.

use std::net::SocketAddr;

use host::Random;
use prost::Message;

use super::lean::{LeanClient, LeanMethod};
use crate::failure::Failure;
use crate::load::Client;

/// A kind of question.
#[derive(Clone, Copy)]
pub struct Question<Q, A> {
    pub method: &'static str,
    /// One of the questions, at random.
    pub ask: fn(&Random) -> Q,
    /// How many results stand in a message of the answer.
    pub count: fn(&A) -> usize,
    /// How many an answer must have.
    pub results: usize,
}

/// See the module.
pub struct Asker<Q, A> {
    connection: LeanClient,
    method: LeanMethod,
    question: Question<Q, A>,
    random: Random,
}

impl<Q, A> Asker<Q, A> {
    /// So many clients, each with a connection of its own.
    pub async fn several(
        address: SocketAddr,
        count: usize,
        question: Question<Q, A>,
    ) -> Result<Vec<Self>, Failure> {
        let mut clients = Vec::with_capacity(count);
        for (seed, connection) in (0..).zip(LeanClient::several(address, count).await?) {
            let method = connection.method(question.method)?;
            let question = Question { ..question };
            clients.push(Asker { connection, method, question, random: Random::from_seed(seed) });
        }
        Ok(clients)
    }
}

impl<Q: Message + 'static, A: Message + Default + 'static> Client for Asker<Q, A> {
    async fn operate(&mut self) -> Result<(), Failure> {
        let question = (self.question.ask)(&self.random);
        let answer: Vec<A> = self.connection.call_for_all(&self.method, &question).await?;
        let results: usize = answer.iter().map(self.question.count).sum();
        if results == self.question.results {
            return Ok(());
        }
        let Question { method, results: expected, .. } = self.question;
        Err(Failure::new(format!("{method} answered {results} results instead of {expected}")))
    }
}
