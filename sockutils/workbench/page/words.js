// Small helpers: elements, and the lines of code that the buttons stand for.
const PROTOCOLS = {
  TCP: "", UDP: "socket.AF_INET, socket.SOCK_DGRAM", AF_UNIX: "socket.AF_UNIX",
}
const HOW = ["socket.SHUT_WR", "socket.SHUT_RD", "socket.SHUT_RDWR"]
const FLAGS = ["0", "socket.MSG_PEEK", "socket.MSG_DONTWAIT", "socket.MSG_WAITALL", "socket.MSG_OOB"]
const OPTIONS = {
  "SO_REUSEADDR": ["socket.SOL_SOCKET, socket.SO_REUSEADDR", "1"],
  "SO_REUSEPORT": ["socket.SOL_SOCKET, socket.SO_REUSEPORT", "1"],
  "SO_RCVBUF": ["socket.SOL_SOCKET, socket.SO_RCVBUF", "5000"],
  "SO_SNDBUF": ["socket.SOL_SOCKET, socket.SO_SNDBUF", "5000"],
  "SO_LINGER": ["socket.SOL_SOCKET, socket.SO_LINGER", "struct.pack('ii', 1, 0)"],
  "TCP_NODELAY": ["socket.IPPROTO_TCP, socket.TCP_NODELAY", "1"],
}

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name)
  for (const [key, value] of Object.entries(attributes))
    if (key.startsWith("on") || key in made && key !== "list") made[key] = value
    else made.setAttribute(key, value)
  made.append(...children)
  return made
}

function choice(name, values) {
  return element("select", { ariaLabel: name },
    ...values.map(value => element("option", { value }, value.replace("socket.", ""))))
}

function bytes(text) {  // hello is b"hello"; what is code already stays
  return /^(b["']|bytes\()/.test(text) ? text : `b${JSON.stringify(text)}`
}

// What a button of a program would run. `on` is the variable of the socket.
function code(call, on, state, fields, page) {
  const unix = page.protocol === "AF_UNIX" || state.unix
  const host = !page.line ? "127.0.0.1" : call === "bind" ? "10.0.0.1" : "10.0.0.2"
  const address = unix ? '"\\0bench"' : `("${host}", ${fields.port})`
  const flags = fields.flags === "0" ? "" : `, ${fields.flags}`
  const [option, value] = [OPTIONS[fields.option][0], fields.value]
  const given = {
    socket: PROTOCOLS[page.protocol], bind: address, connect: address, listen: fields.backlog,
    accept: "", send: bytes(fields.data) + flags, sendto: `${bytes(fields.data)}${flags}, ${address}`,
    recv: fields.bytes + flags, recvfrom: fields.bytes + flags, shutdown: fields.how, close: "",
    setsockopt: `${option}, ${value}`,
    getsockopt: option + (fields.option === "SO_LINGER" ? ", 8" : ""),
  }[call]
  if (call === "socket") return `${state.fresh} = socket.socket(${given})`
  const target = call === "accept" ? `${state.accepted}, address = ` : ""
  return `${target}${on}.${call}(${given})`
}
