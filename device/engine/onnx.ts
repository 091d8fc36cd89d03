import { onnx } from './generated/onnx.js';
import type { Attribute, Description, ElementType, Held, Node, Shape, Value } from './graph.js';

const elementTypes: Record<ElementType, number> = {
  float32: 1,
  uint8: 2,
  int64: 7,
  bool: 9,
  float16: 10,
  bfloat16: 16,
  uint4: 21,
};
const irVersion = 10;
const opset = 20;
/** The first with blocks of 4 bits. */
const quantizedOpset = 21;

/** Writes a graph as an ONNX model, without the nodes and tensors that no output needs. */
export function encodeModel(graph: Description): Uint8Array {
  const { used } = needed(graph);
  const body = graphProto(graph, '');
  const model = {
    irVersion,
    producerName: 'fleetune',
    opsetImport: [
      { domain: '', version: graph.helds.length > 0 ? quantizedOpset : opset },
      { domain: 'com.microsoft', version: 1 },
    ],
    graph: {
      ...body,
      name: 'fleetune',
      input: graph.inputs.map(valueInfo),
      initializer: [
        ...body.initializer,
        ...graph.weights
          .filter(({ value }) => used.has(value))
          .map(({ value, file, offset, bytes }) => ({
            ...tensorHead(value),
            dataLocation: 1,
            externalData: [
              { key: 'location', value: file },
              { key: 'offset', value: String(offset) },
              { key: 'length', value: String(bytes) },
            ],
          })),
        ...heldValues(graph).map(({ value }) => ({
          ...tensorHead(value),
          dataLocation: 1,
          externalData: [{ key: 'location', value: value.name }],
        })),
      ],
    },
  };
  return onnx.ModelProto.encode(model).finish();
}

/** Those tensors in memory that an output needs: the session is to be given their bytes by name. */
export function heldValues(graph: Description): Held[] {
  if (graph.helds.length === 0) return [];
  const { used } = needed(graph);
  return graph.helds.filter(({ value }) => used.has(value));
}

/** Nodes, constants and outputs of a graph or a branch; other inputs than items, and weights, are the whole model's. */
function graphProto(graph: Description, prefix: string) {
  const { nodes, used } = needed(graph);
  const outputs = graph.outputs.map(({ name, value }) => ({
    ...value,
    name: prefix + name,
    from: value.name,
  }));
  // An output's public name is that of an Identity node's: the same value may be two outputs.
  const named = outputs.map(({ name, from }) => ({ opType: 'Identity', input: [from], output: [name] }));
  return {
    name: prefix,
    node: [...nodes.map(nodeProto), ...named],
    input: graph.items.map(valueInfo),
    output: outputs.map(valueInfo),
    initializer: graph.constants
      .filter(({ value }) => used.has(value))
      .map(({ value, data }) => ({
        ...tensorHead(value),
        rawData: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
      })),
  };
}

/** The nodes on a way to an output, in order, and all values that they or the outputs use. */
function needed(graph: Description): { nodes: Node[]; used: Set<Value> } {
  const used = new Set(graph.outputs.map(({ value }) => value));
  const nodes: Node[] = [];
  for (const node of graph.nodes.toReversed()) {
    if (!node.outputs.some((output) => used.has(output))) continue;
    for (const input of node.inputs) used.add(input);
    for (const branch of Object.values(node.branches ?? {}))
      for (const value of needed(branch).used) used.add(value);
    nodes.push(node);
  }
  return { nodes: nodes.reverse(), used };
}

const nodeProto = (node: Node): onnx.NodeProto.$Properties => ({
  name: node.outputs[0]!.name,
  opType: node.op,
  domain: node.domain,
  input: node.inputs.map(({ name }) => name),
  output: node.outputs.map(({ name }) => name),
  attribute: [
    ...Object.entries(node.attributes).map(([name, value]) => attributeProto(name, value)),
    ...Object.entries(node.branches ?? {}).map(([name, graph]) => ({
      name,
      type: 5,
      g: graphProto(graph, `${name}.`),
    })),
  ],
});

function attributeProto(name: string, value: Attribute) {
  if (typeof value === 'number') return { name, type: 2, i: value };
  if (typeof value === 'string') return { name, type: 3, s: Buffer.from(value) };
  if ('float' in value) return { name, type: 1, f: value.float };
  return { name, type: 7, ints: [...value] };
}

const tensorHead = ({ name, type, shape }: Value) => ({
  name,
  dataType: elementTypes[type],
  dims: shape as number[],
});

const valueInfo = ({ name, type, shape }: { name: string; type: ElementType; shape: Shape }) => ({
  name,
  type: {
    tensorType: {
      elemType: elementTypes[type],
      shape: { dim: shape.map((dim) => (typeof dim === 'number' ? { dimValue: dim } : { dimParam: dim })) },
    },
  },
});
