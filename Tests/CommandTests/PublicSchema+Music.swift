extension PublicSchema {
    /// Any system, in the shape of chinook: quoted names, NVARCHAR, NUMERIC(10,2), a table that refers to itself.
    static let musicSQL = #"""
        CREATE TABLE "Artist" ("ArtistId" INTEGER NOT NULL, "Name" NVARCHAR(120), CONSTRAINT "PK_Artist" PRIMARY KEY ("ArtistId"));
        CREATE TABLE "Genre" ("GenreId" INTEGER NOT NULL, "Name" NVARCHAR(120), CONSTRAINT "PK_Genre" PRIMARY KEY ("GenreId"));
        CREATE TABLE "MediaType" ("MediaTypeId" INTEGER NOT NULL, "Name" NVARCHAR(120), CONSTRAINT "PK_MediaType" PRIMARY KEY
          ("MediaTypeId"));
        CREATE TABLE "Playlist" ("PlaylistId" INTEGER NOT NULL, "Name" NVARCHAR(120), CONSTRAINT "PK_Playlist" PRIMARY KEY
          ("PlaylistId"));
        CREATE TABLE "Album" ("AlbumId" INTEGER NOT NULL, "Title" NVARCHAR(160) NOT NULL, "ArtistId" INTEGER NOT NULL, CONSTRAINT
          "PK_Album" PRIMARY KEY ("AlbumId"),
          CONSTRAINT "FK_AlbumArtistId" FOREIGN KEY ("ArtistId") REFERENCES "Artist" ("ArtistId") ON DELETE NO ACTION ON UPDATE NO
          ACTION);
        CREATE TABLE "Employee" ("EmployeeId" INTEGER NOT NULL, "LastName" NVARCHAR(20) NOT NULL, "FirstName" NVARCHAR(20) NOT
          NULL, "Title" NVARCHAR(30), "ReportsTo" INTEGER,
          "BirthDate" DATETIME, "HireDate" DATETIME, "Email" NVARCHAR(60), CONSTRAINT "PK_Employee" PRIMARY KEY ("EmployeeId"),
          CONSTRAINT "FK_EmployeeReportsTo" FOREIGN KEY ("ReportsTo") REFERENCES "Employee" ("EmployeeId") ON DELETE NO ACTION ON
          UPDATE NO ACTION);
        CREATE TABLE "Customer" ("CustomerId" INTEGER NOT NULL, "FirstName" NVARCHAR(40) NOT NULL, "LastName" NVARCHAR(20) NOT
          NULL, "Company" NVARCHAR(80), "Country" NVARCHAR(40),
          "Email" NVARCHAR(60) NOT NULL, "SupportRepId" INTEGER, CONSTRAINT "PK_Customer" PRIMARY KEY ("CustomerId"),
          CONSTRAINT "FK_CustomerSupportRepId" FOREIGN KEY ("SupportRepId") REFERENCES "Employee" ("EmployeeId") ON DELETE NO
          ACTION ON UPDATE NO ACTION);
        CREATE TABLE "Invoice" ("InvoiceId" INTEGER NOT NULL, "CustomerId" INTEGER NOT NULL, "InvoiceDate" DATETIME NOT NULL,
          "BillingCity" NVARCHAR(40), "Total" NUMERIC(10,2) NOT NULL,
          CONSTRAINT "PK_Invoice" PRIMARY KEY ("InvoiceId"),
          CONSTRAINT "FK_InvoiceCustomerId" FOREIGN KEY ("CustomerId") REFERENCES "Customer" ("CustomerId") ON DELETE NO ACTION ON
          UPDATE NO ACTION);
        CREATE TABLE "Track" ("TrackId" INTEGER NOT NULL, "Name" NVARCHAR(200) NOT NULL, "AlbumId" INTEGER, "MediaTypeId" INTEGER
          NOT NULL, "GenreId" INTEGER, "Composer" NVARCHAR(220),
          "Milliseconds" INTEGER NOT NULL, "Bytes" INTEGER, "UnitPrice" NUMERIC(10,2) NOT NULL, CONSTRAINT "PK_Track" PRIMARY KEY
          ("TrackId"),
          CONSTRAINT "FK_TrackAlbumId" FOREIGN KEY ("AlbumId") REFERENCES "Album" ("AlbumId") ON DELETE NO ACTION ON UPDATE NO
          ACTION,
          CONSTRAINT "FK_TrackGenreId" FOREIGN KEY ("GenreId") REFERENCES "Genre" ("GenreId") ON DELETE NO ACTION ON UPDATE NO
          ACTION,
          CONSTRAINT "FK_TrackMediaTypeId" FOREIGN KEY ("MediaTypeId") REFERENCES "MediaType" ("MediaTypeId") ON DELETE NO ACTION
          ON UPDATE NO ACTION);
        CREATE TABLE "InvoiceLine" ("InvoiceLineId" INTEGER NOT NULL, "InvoiceId" INTEGER NOT NULL, "TrackId" INTEGER NOT NULL,
          "UnitPrice" NUMERIC(10,2) NOT NULL, "Quantity" INTEGER NOT NULL,
          CONSTRAINT "PK_InvoiceLine" PRIMARY KEY ("InvoiceLineId"),
          CONSTRAINT "FK_InvoiceLineInvoiceId" FOREIGN KEY ("InvoiceId") REFERENCES "Invoice" ("InvoiceId") ON DELETE NO ACTION ON
          UPDATE NO ACTION,
          CONSTRAINT "FK_InvoiceLineTrackId" FOREIGN KEY ("TrackId") REFERENCES "Track" ("TrackId") ON DELETE NO ACTION ON UPDATE
          NO ACTION);
        CREATE TABLE "PlaylistTrack" ("PlaylistId" INTEGER NOT NULL, "TrackId" INTEGER NOT NULL, CONSTRAINT "PK_PlaylistTrack"
          PRIMARY KEY ("PlaylistId", "TrackId"),
          CONSTRAINT "FK_PlaylistTrackPlaylistId" FOREIGN KEY ("PlaylistId") REFERENCES "Playlist" ("PlaylistId") ON DELETE NO
          ACTION ON UPDATE NO ACTION,
          CONSTRAINT "FK_PlaylistTrackTrackId" FOREIGN KEY ("TrackId") REFERENCES "Track" ("TrackId") ON DELETE NO ACTION ON UPDATE
          NO ACTION);
        CREATE INDEX "IFK_AlbumArtistId" ON "Album" ("ArtistId");
        CREATE INDEX "IFK_CustomerSupportRepId" ON "Customer" ("SupportRepId");
        CREATE INDEX "IFK_EmployeeReportsTo" ON "Employee" ("ReportsTo");
        CREATE INDEX "IFK_InvoiceCustomerId" ON "Invoice" ("CustomerId");
        CREATE INDEX "IFK_InvoiceLineInvoiceId" ON "InvoiceLine" ("InvoiceId");
        CREATE INDEX "IFK_InvoiceLineTrackId" ON "InvoiceLine" ("TrackId");
        CREATE INDEX "IFK_PlaylistTrackPlaylistId" ON "PlaylistTrack" ("PlaylistId");
        CREATE INDEX "IFK_PlaylistTrackTrackId" ON "PlaylistTrack" ("TrackId");
        CREATE INDEX "IFK_TrackAlbumId" ON "Track" ("AlbumId");
        CREATE INDEX "IFK_TrackGenreId" ON "Track" ("GenreId");
        CREATE INDEX "IFK_TrackMediaTypeId" ON "Track" ("MediaTypeId");
        INSERT INTO "Artist" WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50) SELECT i, CASE WHEN i % 9
          = 0 THEN NULL ELSE 'Antônio Carlos & Co. ' || i END FROM n;
        INSERT INTO "Genre" VALUES (1, 'Rock'), (2, 'R&B/Soul'), (3, 'Sci Fi & Fantasy');
        INSERT INTO "MediaType" VALUES (1, 'MPEG audio file'), (2, 'Protected AAC audio file');
        INSERT INTO "Playlist" VALUES (1, 'Music'), (2, NULL), (3, '90’s Music');
        INSERT INTO "Album" WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 80) SELECT i,
          'For Those About To Rock "We" ''Salute'' You ' || i, 1 + i % 50 FROM n;
        INSERT INTO "Employee" VALUES (1, 'Adams', 'Andrew', 'General Manager', NULL, '1962-02-18 00:00:00', '2002-08-14 00:00:00',
          'andrew@chinookcorp.com');
        INSERT INTO "Employee" VALUES (2, 'Edwards', 'Nancy', 'Sales Manager', 1, '1958-12-08 00:00:00', '2002-05-01 00:00:00',
          NULL);
        INSERT INTO "Employee" VALUES (3, 'Peacock', 'Jane', NULL, 2, NULL, '2002-04-01 12:30:01', 'jane@chinookcorp.com');
        INSERT INTO "Customer" WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 59) SELECT i, 'Luís',
          'Gonçalves', CASE WHEN i % 2 = 0 THEN 'Embraer, S.A.' END, 'Brazil', 'luisg' || i || '@embraer.com.br', CASE WHEN i % 5 =
          0 THEN NULL ELSE 3 END FROM n;
        INSERT INTO "Invoice" WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200) SELECT i, 1 + i % 59,
          '2021-01-01 00:00:00', CASE WHEN i % 3 = 0 THEN NULL ELSE '' END, i + 0.98 FROM n;
        INSERT INTO "Track" WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500) SELECT i, 'Você ' || i,
          CASE WHEN i % 10 = 0 THEN NULL ELSE 1 + i % 80 END, 1 + i % 2, 1 + i % 3, CASE WHEN i % 4 = 0 THEN NULL ELSE
          'Angus Young, Malcolm Young' END, 100000 + i, 1000000 + i, 0.99 FROM n;
        INSERT INTO "InvoiceLine" WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 600) SELECT i, 1 + i %
          200, 1 + i % 500, 0.99, 1 FROM n;
        INSERT INTO "PlaylistTrack" WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500) SELECT 1 + i % 3,
          i FROM n;
        """#
}
