// A short message centre made of npm's smpp, for tests: says what it got, a JSON object a line, and
// delivers what it is told on its standard input.
import readline from "node:readline";
import smpp from "smpp";

const say = (what) => process.stdout.write(`${JSON.stringify(what)}\n`);
let bound;
let count = 0;

const server = smpp.createServer((session) => {
  session.on("error", () => {});
  session.on("bind_transceiver", (pdu) => {
    if (pdu.password !== "secret") {
      session.send(pdu.response({ command_status: smpp.ESME_RINVPASWD }));
      return;
    }
    bound = session;
    session.send(pdu.response());
    say({ bound: pdu.system_id });
  });
  session.on("submit_sm", (pdu) => {
    count += 1;
    const id = `n${count}`;
    session.send(pdu.response({ message_id: id }));
    const { message, udh } = pdu.short_message;
    say({ id, from: pdu.source_addr, to: pdu.destination_addr, message, parts: udh ? udh.length : 0 });
  });
  session.on("enquire_link", (pdu) => session.send(pdu.response()));
  session.on("unbind", (pdu) => session.send(pdu.response()));
});

readline.createInterface({ input: process.stdin }).on("line", (line) => {
  const told = JSON.parse(line);
  const pdu = told.receipt
    ? {
        esm_class: smpp.ESM_CLASS.MC_DELIVERY_RECEIPT,
        short_message: `id:${told.receipt} sub:001 dlvrd:001 submit date:2611241300 done date:2611241300 stat:${told.state} err:000 text:`,
        receipted_message_id: told.receipt,
        message_state: smpp.MESSAGE_STATE[told.name],
      }
    : { short_message: told.words };
  bound.deliver_sm({ source_addr: told.from, destination_addr: "358123456", ...pdu }, (answer) =>
    say({ answered: answer.command_status }),
  );
});

server.listen(0, "127.0.0.1", () => say({ port: server.address().port }));
