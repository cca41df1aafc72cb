// One upload by tus-js-client, as a program: what to do comes as JSON in TUS_DO, what came of it
// goes to stdout as one JSON line. Run by test_tus.py.
import { readFile } from 'node:fs/promises';

import * as tus from 'tus-js-client';

const wanted = JSON.parse(process.env.TUS_DO);
const content = await readFile(wanted.file);
const statuses = [];
let lied = wanted.wrongOffset === undefined;

function say(result) {
  console.log(JSON.stringify({ url: upload.url, statuses, ...result }));
}

const upload = new tus.Upload(content, {
  endpoint: wanted.endpoint,
  uploadUrl: wanted.uploadUrl,
  chunkSize: wanted.chunkSize,
  uploadSize: content.length,
  uploadDataDuringCreation: wanted.duringCreation ?? false,
  retryDelays: wanted.retryDelays,
  metadata: { sha256: wanted.sha256, filename: 'label.jpg', filetype: 'image/jpeg' },
  headers: { Authorization: wanted.authorization },
  onBeforeRequest(request) {
    if (!lied && request.getMethod() === 'PATCH') {
      lied = true;
      request.setHeader('Upload-Offset', String(wanted.wrongOffset));
    }
  },
  onAfterResponse(_request, response) {
    statuses.push(response.getStatus());
  },
  onError(error) {
    say({ error: String(error), status: error.originalResponse?.getStatus() ?? null });
  },
  async onChunkComplete(_size, accepted) {
    if (wanted.stopAt !== undefined && accepted >= wanted.stopAt) {
      await upload.abort(wanted.terminate ?? false);
      say({ stopped: accepted });
    }
  },
  onSuccess() {
    say({ done: true });
  },
});
upload.start();
