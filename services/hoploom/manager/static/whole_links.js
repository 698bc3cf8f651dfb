// Shows where a link leads with the address of this mesh, as it is handed to somebody else.
for (const link of document.querySelectorAll("a[data-whole]")) link.textContent = link.href;
