// Reading a coupon's QR code with the camera; the typed code beside it always works.
//
// <div data-scanner data-target="#code"> <button data-scan-start> <video hidden> <p data-scan-message> </div>
// A code that was read goes into the target input and sends its form; the server decides what it is worth.

import QrScanner from "qr-scanner";

const MAX_CODE_CHARACTERS = 512;

/** The code itself: the last path segment of a coupon's address, or the text as it is. */
export function codeOf(text) {
  const trimmed = text.trim().slice(0, MAX_CODE_CHARACTERS);
  try {
    const address = new URL(trimmed);
    return decodeURIComponent(address.pathname.split("/").filter(Boolean).pop() ?? "");
  } catch {
    return trimmed;
  }
}

export function startScanner(holder) {
  const button = holder.querySelector("[data-scan-start]");
  const video = holder.querySelector("video");
  const message = holder.querySelector("[data-scan-message]");
  const target = document.querySelector(holder.dataset.target);
  let scanner = null;

  const stop = () => {
    scanner?.stop();
    video.hidden = true;
    button.setAttribute("aria-pressed", "false");
  };
  const found = ({ data }) => {
    stop();
    target.value = codeOf(data);
    target.dispatchEvent(new CustomEvent("scanned", { bubbles: true }));
    target.form?.requestSubmit();
  };
  const start = async () => {
    message.textContent = "";
    video.hidden = false;
    scanner ??= new QrScanner(video, found, { returnDetailedScanResult: true, maxScansPerSecond: 8 });
    try {
      await scanner.start();
      button.setAttribute("aria-pressed", "true");
    } catch {
      stop();
      message.textContent = holder.dataset.noCamera;
      target.focus();
    }
  };
  // Browsers give no camera to a page that came unprotected: better said at once than after a press.
  if (!window.isSecureContext) {
    button.disabled = true;
    message.textContent = holder.dataset.insecure;
    return;
  }
  button.addEventListener("click", () => (video.hidden ? start() : stop()));
  addEventListener("pagehide", stop);
}

document.querySelectorAll("[data-scanner]").forEach(startScanner);
