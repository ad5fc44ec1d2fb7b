//! Hand-made requests at every edge of the wire format, with the verdict that prost was seen to give.
