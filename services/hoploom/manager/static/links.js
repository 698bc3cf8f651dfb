// Takes the key out of the address, where it would stay in the history, puts it into the form, and sends that.
function take() {
  const key = decodeURIComponent(location.hash.slice(1));
  if (!key) return;
  history.replaceState(null, "", location.pathname);
  document.getElementById("key").value = key;
  document.getElementById("key-form").requestSubmit();
}

take();
// Another link that is opened where this page is open already loads nothing.
addEventListener("hashchange", take);
