//! Where in a message a reader is: `document.fields[0].value`.

/// The way from the outermost message.
#[derive(Default)]
pub(super) struct Place {
    steps: Vec<Step>,
}

struct Step {
    name: &'static str,
    /// The element, in a list or map.
    index: Option<usize>,
}

impl Place {
    /// Into a field.
    pub(super) fn enter(&mut self, name: &'static str) {
        self.steps.push(Step { name, index: None });
    }

    /// Into the first element of a field.
    pub(super) fn enter_list(&mut self, name: &'static str) {
        self.steps.push(Step { name, index: Some(0) });
    }

    /// To the next element.
    pub(super) fn next(&mut self) {
        if let Some(index) = self.steps.last_mut().and_then(|step| step.index.as_mut()) {
            *index += 1;
        }
    }

    /// Out of the field.
    pub(super) fn leave(&mut self) {
        self.steps.pop();
    }

    /// The way, as texts for clients have it.
    pub(super) fn text(&self) -> String {
        let steps = self.steps.iter().map(|step| match step.index {
            Some(index) => format!("{}[{index}]", step.name),
            None => step.name.to_owned(),
        });
        steps.collect::<Vec<_>>().join(".")
    }
}
