import {
  type BackendMessage,
  DataRowMessage,
  RowDescriptionMessage,
} from 'pg-protocol/dist/messages.js'
import { Parser } from 'pg-protocol/dist/parser.js'

const dataRow = 68
const nullLength = -1

/** The methods of the package's class; its types show only some of them. */
interface PacketParser {
  parse(bytes: Buffer, take: (message: BackendMessage) => void): void
  /** `bytes` is the parser's own buffer: copy everything that outlives the call. */
  handlePacket(offset: number, code: number, length: number, bytes: Buffer): BackendMessage
}

const PacketParserBase = Parser as unknown as new () => PacketParser

/**
 * The parser of `pg-protocol` decodes every field as UTF-8, even a binary one. This parser leaves
 * binary fields as they are. https://github.com/brianc/node-postgres/issues/2325
 */
export class BinaryParser extends PacketParserBase {
  /** Whether each column of the current rows is binary. */
  #areBinary: readonly boolean[] = []

  override handlePacket(
    offset: number,
    code: number,
    length: number,
    bytes: Buffer,
  ): BackendMessage {
    if (code === dataRow) return new DataRowMessage(length, this.#fields(offset, bytes))
    const message = super.handlePacket(offset, code, length, bytes)
    if (message instanceof RowDescriptionMessage) {
      this.#areBinary = message.fields.map(({ format }) => format === 'binary')
    }
    return message
  }

  #fields(start: number, bytes: Buffer): (Buffer | string | null)[] {
    const fields: (Buffer | string | null)[] = new Array(bytes.readInt16BE(start))
    let offset = start + 2
    for (let index = 0; index < fields.length; index += 1) {
      const length = bytes.readInt32BE(offset)
      offset += 4
      if (length === nullLength) {
        fields[index] = null
        continue
      }
      fields[index] = this.#areBinary[index]
        ? copy(bytes, offset, length)
        : bytes.toString('utf8', offset, offset + length)
      offset += length
    }
    return fields
  }
}

function copy(bytes: Buffer, offset: number, length: number): Buffer {
  const copied = Buffer.allocUnsafe(length)
  bytes.copy(copied, 0, offset, offset + length)
  return copied
}
