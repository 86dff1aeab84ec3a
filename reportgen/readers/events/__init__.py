"""TensorBoard's event files -> runs, without TensorFlow, TensorBoard or protobuf."""
