//! Laws of what we write: canonical bytes come back as they were, unknown fields travel, small pieces are copied and large ones are not.
