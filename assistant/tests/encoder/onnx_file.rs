//! Just enough of the ONNX file format to write a small graph: protocol buffers by hand, so that no test needs Python or a
//! download. Field numbers are those of `onnx/onnx.proto`.

/// Bytes of one protocol buffers message.
#[derive(Clone, Default)]
struct Message(Vec<u8>);

impl Message {
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    fn number(mut self, field: u64, value: u64) -> Self {
        self.varint(field << 3);
        self.varint(value);
        self
    }

    fn bytes(mut self, field: u64, value: &[u8]) -> Self {
        self.varint(field << 3 | 2);
        self.varint(value.len() as u64);
        self.0.extend_from_slice(value);
        self
    }

    fn text(self, field: u64, value: &str) -> Self {
        self.bytes(field, value.as_bytes())
    }

    fn message(self, field: u64, value: &Self) -> Self {
        self.bytes(field, &value.0)
    }
}

/// `TensorProto.DataType`.
#[derive(Clone, Copy)]
pub enum Element {
    Float = 1,
    Int32 = 6,
    Int64 = 7,
}

/// A graph that is being written.
#[derive(Clone, Default)]
pub struct Graph {
    nodes: Vec<Message>,
    constants: Vec<Message>,
    inputs: Vec<Message>,
    outputs: Vec<Message>,
}

impl Graph {
    /// An input; `None` is a dimension that may vary.
    pub fn input(&mut self, name: &str, element: Element, shape: &[Option<u64>]) {
        self.inputs.push(value(name, element, shape));
    }

    /// An output.
    pub fn output(&mut self, name: &str, element: Element, shape: &[Option<u64>]) {
        self.outputs.push(value(name, element, shape));
    }

    /// An operator with its integer attributes.
    pub fn node(&mut self, operator: &str, inputs: &[&str], output: &str, attributes: &[(&str, u64)]) {
        let node = inputs.iter().fold(Message::default(), |node, input| node.text(1, input));
        let node = node.text(2, output).text(4, operator);
        let node = attributes.iter().fold(node, |node, (name, number)| {
            // AttributeProto: name, i, type = INT.
            node.message(5, &Message::default().text(1, name).number(3, *number).number(20, 2))
        });
        self.nodes.push(node);
    }

    /// A matrix or vector of floats.
    pub fn floats(&mut self, name: &str, shape: &[u64], values: &[f32]) {
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.constant(name, Element::Float, shape, &bytes);
    }

    /// A vector of integers.
    pub fn integers(&mut self, name: &str, values: &[i64]) {
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.constant(name, Element::Int64, &[values.len() as u64], &bytes);
    }

    fn constant(&mut self, name: &str, element: Element, shape: &[u64], bytes: &[u8]) {
        let tensor = shape.iter().fold(Message::default(), |tensor, size| tensor.number(1, *size));
        self.constants.push(tensor.number(2, element as u64).text(8, name).bytes(9, bytes));
    }

    /// The whole file: IR version 8, operator set 13.
    pub fn file(&self) -> Vec<u8> {
        let mut graph = Message::default().text(2, "tiny");
        for (field, messages) in
            [(1, &self.nodes), (5, &self.constants), (11, &self.inputs), (12, &self.outputs)]
        {
            graph = messages.iter().fold(graph, |graph, message| graph.message(field, message));
        }
        let operators = Message::default().number(2, 13);
        Message::default().number(1, 8).text(2, "drilen's tests").message(7, &graph).message(8, &operators).0
    }
}

fn value(name: &str, element: Element, shape: &[Option<u64>]) -> Message {
    let shape = shape.iter().enumerate().fold(Message::default(), |message, (place, size)| {
        let dimension = match size {
            Some(size) => Message::default().number(1, *size),
            None => Message::default().text(2, &format!("{name}_{place}")),
        };
        message.message(1, &dimension)
    });
    let tensor = Message::default().number(1, element as u64).message(2, &shape);
    Message::default().text(1, name).message(2, &Message::default().message(1, &tensor))
}
