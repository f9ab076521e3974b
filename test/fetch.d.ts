// Node's fetch takes a stream as a body if it is told that the request is half-duplex; the DOM's types do not know that.
interface RequestInit {
  duplex?: 'half';
}
