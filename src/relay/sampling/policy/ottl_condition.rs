//! `ottl_condition`: keeps a trace in which a condition in the Collector's transformation language is true of some span,
//! or of some event of one.
//!
//! ```yaml
//! - name: slow or failed predictions
//!   type: ottl_condition
//!   ottl_condition:
//!     error_mode: ignore
//!     span:
//!       - 'name == "predict" and (end_time - start_time) > Duration("500ms")'
//!       - 'attributes["http.response.status_code"] >= 500'
//!       - 'IsMatch(resource.attributes["service.name"], "^gesture") and status.code == STATUS_CODE_ERROR'
//!     spanevent:
//!       - 'name == "exception" and attributes["exception.type"] != "TimeoutError"'
//! ```
//!
//! The first condition that is true of any span keeps the trace. Conditions are evaluated as spans arrive; what they may
//! say is in [`ottl`](crate::relay::sampling::ottl).
//!
//! `error_mode` says what becomes of a condition that cannot be evaluated, as `Int("abc")`: with `ignore`, which is the
//! default, and `silent` it is not true; with `propagate` the policy has no vote on the trace unless a condition was true
//! before. All three count it in `tailwater_policy_errors_total`. In a text, a backslash is written twice: a pattern for
//! digits is `"\\d+"`. Patterns are those of `string_attribute`.

use super::Vote;
use super::compile::Compiler;
use crate::relay::sampling::facts::Facts;
use crate::relay::sampling::ottl::{Context, ErrorMode, Finding, Marking};
use crate::relay::sampling::threshold::Threshold;

/// Conditions by the marks that they leave on a trace.
#[derive(Debug)]
pub(super) struct OttlCondition {
    met: usize,
    failed: Option<usize>,
}

impl OttlCondition {
    pub(super) fn new(
        mode: ErrorMode,
        span: &[String],
        spanevent: &[String],
        compiler: &mut Compiler,
    ) -> Option<OttlCondition> {
        if span.is_empty() && spanevent.is_empty() {
            compiler.problem("span", "is empty, and so is `spanevent`: name at least one condition");
            return None;
        }
        let met = compiler.watch.reserve();
        let failed = (mode == ErrorMode::Propagate).then(|| compiler.watch.reserve());
        let counter = compiler.counter();
        let (mut wrong, mut notes) = (Vec::new(), Vec::new());
        compiler.conditions.add([span, spanevent], Marking { met, failed, counter }, &mut |context, place, finding| {
            let (list, texts) = match context {
                Context::Span => ("span", span),
                Context::SpanEvent => ("spanevent", spanevent),
            };
            let (said, fault) = match finding {
                Finding::Wrong(fault) => (&mut wrong, fault),
                Finding::Note(fault) => (&mut notes, fault),
            };
            said.push((format!("{list}[{place}]"), fault.line(&texts[place])));
        });
        let fine = wrong.is_empty();
        wrong.into_iter().for_each(|(path, message)| compiler.problem(path, message));
        notes.into_iter().for_each(|(path, message)| compiler.note(path, message));
        fine.then_some(OttlCondition { met, failed })
    }

    pub(super) fn vote(&self, facts: &Facts) -> Vote {
        facts.has_mark(self.met).then_some(Threshold::ALL)
    }

    /// Whether it cannot say.
    pub(super) fn failed(&self, facts: &Facts) -> bool {
        self.failed.is_some_and(|failed| facts.has_mark(failed))
    }
}
